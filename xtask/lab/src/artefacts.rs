//! Where the built programs lie, seen from one that was built with them.

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::network::Lab;

/// The daemon that was built with this program's profile: `target/PROFILE/teiten`.
///
/// # Errors
/// The system does not say where this program lies.
pub fn daemon() -> Result<PathBuf> {
    Ok(profile()?.join("teiten"))
}

/// A compiled XDP program by its file name, in `target/bpf/`.
///
/// # Errors
/// The system does not say where this program lies.
pub fn object(name: &str) -> Result<PathBuf> {
    let profile = profile()?;
    Ok(profile.parent().unwrap_or(&profile).join("bpf").join(name))
}

/// Why nothing that sends the generator's packets to the daemon can be tested here, if so.
#[must_use]
pub fn obstacle() -> Option<String> {
    if let Some(reason) = Lab::obstacle() {
        return Some(reason);
    }
    [daemon(), object("generator.o")]
        .into_iter()
        .find_map(|path| match path {
            Ok(path) if path.exists() => None,
            Ok(path) => Some(format!(
                "{} was not built: `cargo xtask test` does that",
                path.display()
            )),
            Err(error) => Some(error.to_string()),
        })
}

/// `target/PROFILE`, where this program lies, or in its folder `deps` when it is a test.
fn profile() -> Result<PathBuf> {
    let own = env::current_exe().context("the system does not say where this program lies")?;
    let mut folder = own.parent().unwrap_or(&own);
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap_or(folder);
    }
    Ok(folder.to_owned())
}
