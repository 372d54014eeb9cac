//! The shipped files: where they lie, and how they are read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file, named from the repository's root.
pub(crate) fn text(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("{path} cannot be read"))
}

/// The content of a YAML file.
pub(crate) fn yaml(path: &str) -> Result<Value> {
    serde_saphyr::from_str(&text(path)?).with_context(|| format!("{path} is not YAML"))
}

/// The content of a JSON file.
pub(crate) fn json(path: &str) -> Result<Value> {
    serde_json::from_str(&text(path)?).with_context(|| format!("{path} is not JSON"))
}

/// The files of a folder whose names end in `.extension`, named from the repository's root, sorted. At least one.
pub(crate) fn list(folder: &str, extension: &str) -> Result<Vec<String>> {
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
pub(crate) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The string at `key`.
pub(crate) fn string<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key]
        .as_str()
        .with_context(|| format!("there is no text `{key}` in {value}"))
}

/// A rule of a Prometheus rules file.
pub(crate) struct Rule {
    /// The file, from the repository's root.
    pub(crate) file: String,
    /// The group's name.
    pub(crate) group: String,
    /// The rule as it stands there.
    pub(crate) body: Value,
}

impl Rule {
    /// The name of the alert, if it is one.
    pub(crate) fn alert(&self) -> Option<&str> {
        self.body["alert"].as_str()
    }

    /// The name of the recorded series, if it records one.
    pub(crate) fn record(&self) -> Option<&str> {
        self.body["record"].as_str()
    }
}

/// Every rule of the rules files in a folder, in the order of the files.
pub(crate) fn rules(folder: &str) -> Result<Vec<Rule>> {
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
