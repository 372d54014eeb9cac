//! The files that are shipped to be run beside the sensor: where they lie, and how they are read.

pub mod demo;
pub mod expressions;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a file, named from the repository's root.
///
/// # Errors
/// It cannot be read.
pub fn text(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("{path} cannot be read"))
}

/// The content of a YAML file.
///
/// # Errors
/// It cannot be read, or is no YAML.
pub fn yaml(path: &str) -> Result<Value> {
    serde_saphyr::from_str(&text(path)?).with_context(|| format!("{path} is not YAML"))
}

/// The content of a JSON file.
///
/// # Errors
/// It cannot be read, or is no JSON.
pub fn json(path: &str) -> Result<Value> {
    serde_json::from_str(&text(path)?).with_context(|| format!("{path} is not JSON"))
}

/// The files of a folder whose names end in `.extension`, named from the repository's root, sorted. At least one.
///
/// # Errors
/// The folder cannot be listed, or holds none.
pub fn list(folder: &str, extension: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).with_context(|| format!("{folder} cannot be listed"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name)
            .extension()
            .is_some_and(|found| found == extension)
        {
            found.push(format!("{folder}/{name}"));
        }
    }
    ensure!(!found.is_empty(), "{folder} holds no .{extension} file");
    found.sort();
    Ok(found)
}

/// The list at `key`; empty when there is none.
#[must_use]
pub fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The string at `key`.
///
/// # Errors
/// There is none.
pub fn string<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key]
        .as_str()
        .with_context(|| format!("there is no text `{key}` in {value}"))
}

/// A rule of a Prometheus rules file.
pub struct Rule {
    /// The file, from the repository's root.
    pub file: String,
    /// The group's name.
    pub group: String,
    /// The rule as it stands there.
    pub body: Value,
}

impl Rule {
    /// The name of the alert, if it is one.
    #[must_use]
    pub fn alert(&self) -> Option<&str> {
        self.body["alert"].as_str()
    }

    /// The name of the recorded series, if it records one.
    #[must_use]
    pub fn record(&self) -> Option<&str> {
        self.body["record"].as_str()
    }
}

/// Every rule of the rules files in a folder, in the order of the files.
///
/// # Errors
/// A file cannot be read, or is no rules file.
pub fn rules(folder: &str) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for file in list(folder, "yml")? {
        for group in items(&yaml(&file)?, "groups") {
            for body in items(group, "rules") {
                rules.push(Rule {
                    file: file.clone(),
                    group: string(group, "name")?.to_owned(),
                    body: body.clone(),
                });
            }
        }
    }
    ensure!(!rules.is_empty(), "{folder} holds no rule");
    Ok(rules)
}
