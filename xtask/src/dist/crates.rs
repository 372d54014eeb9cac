//! The crates of others that are in the program: their licences, and an inventory of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::architecture::Architecture;
use crate::{command, project};

/// How files begin in which a crate says what its licence is.
const LICENCE_FILES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "NOTICE",
    "UNLICENSE",
    "COPYRIGHT",
];

/// A crate, as its registry has it.
#[derive(Clone, Debug)]
struct Crate {
    licence: String,
    description: String,
    repository: Option<String>,
    /// SHA-256 of the crate's archive.
    checksum: Option<String>,
    /// The texts of its licence files.
    texts: Vec<String>,
}

/// The crates in a program, by name and version.
pub(super) struct Crates(BTreeMap<(String, String), Crate>);

/// Those of the daemon, and of the XDP program within it. Crates that only build or that are the project's own are none.
pub(super) fn of_sensor(architecture: Architecture) -> Result<Crates> {
    let mut crates = BTreeMap::new();
    let target = architecture.target();
    let mut daemon = command::cargo();
    daemon.args(["tree", "--package", "teiten", "--target", &target]);
    let mut program = command::cargo_for_the_kernel();
    program.args(["tree", "--target", "bpfel-unknown-none"]);
    for (mut tree, mut metadata, lock) in [
        (daemon, command::cargo(), project::root().join("Cargo.lock")),
        (
            program,
            command::cargo_for_the_kernel(),
            project::ebpf_crate().join("Cargo.lock"),
        ),
    ] {
        tree.args([
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]);
        let listed = command::output_of(&mut tree).context("cargo lists no dependencies")?;
        metadata.args(["metadata", "--locked", "--format-version", "1"]);
        let metadata = command::output_of(&mut metadata).context("cargo cannot read its manifest")?;
        let known = known(
            &serde_json::from_str(&metadata)?,
            &checksums(&fs::read_to_string(lock)?),
        )?;
        for named in named(&listed) {
            let found = known
                .get(&named)
                .with_context(|| format!("{named:?} is in no manifest"))?;
            crates.insert(named, found.clone());
        }
    }
    ensure!(!crates.is_empty(), "the program has no crates of others");
    Ok(Crates(crates))
}

/// The name and version of each line of `cargo tree`; the project's own crates have a path and are left out.
fn named(listed: &str) -> BTreeSet<(String, String)> {
    let lines = listed.lines().filter(|line| !line.contains("(/"));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((
                words.next()?.to_owned(),
                words.next()?.strip_prefix('v')?.to_owned(),
            ))
        })
        .collect()
}

/// The checksums in a lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let start = format!("{key} = \"");
            let line = package.lines().find_map(|line| line.strip_prefix(&start));
            line.map(|rest| rest.trim_end_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(checksum)) =
            (value("name"), value("version"), value("checksum"))
        {
            found.insert((name, version), checksum);
        }
    }
    found
}

fn known(
    metadata: &Value,
    checksums: &BTreeMap<(String, String), String>,
) -> Result<BTreeMap<(String, String), Crate>> {
    let mut known = BTreeMap::new();
    for package in metadata["packages"].as_array().context("no packages")? {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let (name, version) = (
            text("name").context("no name")?,
            text("version").context("no version")?,
        );
        let manifest = text("manifest_path").context("no manifest")?;
        let folder = Path::new(&manifest)
            .parent()
            .context("a manifest without a folder")?;
        let one = Crate {
            // The old way of writing a choice.
            licence: text("license")
                .unwrap_or_else(|| "not said".to_owned())
                .replace('/', " OR "),
            description: text("description")
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            repository: text("repository"),
            checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
            texts: licence_texts(folder),
        };
        known.insert((name, version), one);
    }
    Ok(known)
}

fn licence_texts(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let is_licence = |path: &Path| {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().to_uppercase())
            .unwrap_or_default();
        LICENCE_FILES.iter().any(|start| name.starts_with(start))
    };
    files
        .iter()
        .filter(|path| is_licence(path))
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect()
}

impl Crates {
    /// Every licence text once, below the crates that have it.
    pub(super) fn licences(&self) -> String {
        let mut holders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut text = "The program holds these crates. The text of each licence follows once, below the crates that bring it.\n\n".to_owned();
        for ((name, version), one) in &self.0 {
            let bare = if one.texts.is_empty() {
                " (brings no text; see its repository)"
            } else {
                ""
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} {version}: {}{bare}", one.licence);
            for licence in &one.texts {
                holders
                    .entry(licence.trim())
                    .or_default()
                    .push(format!("{name} {version}"));
            }
        }
        for (licence, crates) in holders {
            let _ = write!(text, "\n{}\n{}\n\n{licence}\n", "=".repeat(78), crates.join(", "));
        }
        text
    }

    /// The inventory, as `CycloneDX` 1.5 has it. It has no time and no number of its own: the same source gives the same.
    pub(super) fn inventory(&self) -> String {
        let components: Vec<_> = self
            .0
            .iter()
            .map(|((name, version), one)| component(name, version, one))
            .collect();
        let all = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {"component": {
                "type": "application",
                "name": "teiten",
                "version": env!("CARGO_PKG_VERSION"),
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
            }},
            "components": components,
        });
        format!("{all:#}\n")
    }

    /// How many there are.
    pub(super) fn summary(&self) -> String {
        let bare = self.0.values().filter(|one| one.texts.is_empty()).count();
        format!(
            "{} crates of others, {bare} of which bring no licence text",
            self.0.len()
        )
    }
}

fn component(name: &str, version: &str, one: &Crate) -> Value {
    let address = format!("pkg:cargo/{name}@{version}");
    let mut component = json!({
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
        "description": one.description,
        "licenses": [{"expression": one.licence}],
    });
    if let Some(checksum) = &one.checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(repository) = &one.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_crates_and_repetitions_are_left_out() {
        let listed = "teiten v0.1.0 (/src/sensor-user)\nahash v0.8.12\nahash v0.8.12 (*)\nbcrypt v0.19.3\n";
        let names: Vec<_> = named(listed).into_iter().collect();
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(names, [pair("ahash", "0.8.12"), pair("bcrypt", "0.19.3")]);
    }

    #[test]
    fn a_lock_file_gives_the_checksums_of_what_has_one() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"00ff\"\n\n\
                    [[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&("a".to_owned(), "1.0.0".to_owned())], "00ff");
    }

    #[test]
    fn a_licence_that_two_crates_share_is_printed_once() {
        let one = |texts: &[&str]| Crate {
            licence: "MIT".to_owned(),
            description: String::new(),
            repository: None,
            checksum: None,
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
        };
        let crates = Crates(BTreeMap::from([
            (("a".to_owned(), "1.0.0".to_owned()), one(&["Permission.\n"])),
            (("b".to_owned(), "2.0.0".to_owned()), one(&["Permission."])),
            (("c".to_owned(), "3.0.0".to_owned()), one(&[])),
        ]));
        let text = crates.licences();
        assert_eq!(text.matches("Permission.").count(), 1);
        assert!(text.contains("a 1.0.0, b 2.0.0") && text.contains("c 3.0.0: MIT (brings no text"));
        assert_eq!(
            crates.summary(),
            "3 crates of others, 1 of which bring no licence text"
        );
        let inventory: Value = serde_json::from_str(&crates.inventory()).unwrap();
        assert_eq!(inventory["components"][1]["purl"], "pkg:cargo/b@2.0.0");
    }
}
