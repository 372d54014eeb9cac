//! Which namespaces are the lab's, written down where a killed run cannot take it along.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::Mutex,
};

use anyhow::{Context as _, Result};

use super::namespace;

/// One empty file for each namespace of a lab. Other namespaces are none of its business, whatever their names.
const FOLDER: &str = "/run/teiten-lab";

/// The namespaces of this process.
static OWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn own() -> std::sync::MutexGuard<'static, Vec<String>> {
    // A panic elsewhere leaves the list as good as it was.
    OWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn entry(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Writes a namespace down; to be called before it is made.
pub(super) fn add(name: &str) -> Result<()> {
    fs::create_dir_all(FOLDER)
        .with_context(|| format!("the folder {FOLDER} cannot be made; are you root?"))?;
    fs::write(entry(name), process::id().to_string())
        .with_context(|| format!("{FOLDER}/{name} cannot be written"))?;
    own().push(name.to_owned());
    Ok(())
}

/// Removes a namespace, then its entry.
pub(super) fn remove(name: &str) -> Result<()> {
    namespace::delete(name)?;
    own().retain(|other| other != name);
    match fs::remove_file(entry(name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{FOLDER}/{name} cannot be removed"))
        }
        _ => Ok(()),
    }
}

/// Removes this process's namespaces.
pub(super) fn remove_own() -> Result<()> {
    let names = own().clone();
    remove_each(names)
}

/// Removes every namespace that a lab has made and not removed; to be called under the lock alone.
pub(super) fn remove_all() -> Result<()> {
    let entries = match fs::read_dir(FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("the folder {FOLDER} cannot be read"))?,
    };
    remove_each(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()))
}

/// Removes as many as it can, and reports the first that it could not.
fn remove_each(names: impl IntoIterator<Item = String>) -> Result<()> {
    let failures: Vec<_> = names.into_iter().filter_map(|name| remove(&name).err()).collect();
    failures.into_iter().next().map_or(Ok(()), Err)
}
