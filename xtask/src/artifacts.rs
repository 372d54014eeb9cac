//! What cargo reports about the programs that it compiled.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A compiled program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    pub(crate) package: String,
    pub(crate) package_folder: PathBuf,
    /// The target's name, and its kind as cargo calls it: `bin`, `test`, `lib`, `proc-macro`.
    pub(crate) name: String,
    pub(crate) kind: String,
    /// Whether it runs tests.
    pub(crate) test: bool,
    pub(crate) executable: PathBuf,
}

/// Runs cargo with its messages on standard output, and gives the programs among what it compiled.
///
/// # Errors
/// When cargo cannot be started, or something does not compile.
pub(crate) fn compile(cargo: &mut Command) -> Result<Vec<Artifact>> {
    let mut child = cargo
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo could not be started: is it in PATH?")?;
    let messages = child.stdout.take().context("cargo's messages are out of reach")?;
    let mut found = Vec::new();
    for line in BufReader::new(messages).lines() {
        let line = line.context("cargo's messages broke off")?;
        found.extend(
            serde_json::from_str(&line)
                .ok()
                .and_then(|message| parse(&message)),
        );
    }
    let status = child.wait().context("cargo was lost")?;
    if !status.success() {
        bail!("not everything compiles ({status})");
    }
    Ok(found)
}

/// The program that one of cargo's messages announces, if it does.
fn parse(message: &Value) -> Option<Artifact> {
    if message.get("reason")? != "compiler-artifact" {
        return None;
    }
    let text = |pointer: &str| message.pointer(pointer)?.as_str();
    Some(Artifact {
        package: package_name(text("/package_id")?).to_owned(),
        package_folder: Path::new(text("/manifest_path")?).parent()?.to_owned(),
        name: text("/target/name")?.to_owned(),
        kind: text("/target/kind/0")?.to_owned(),
        test: message.pointer("/profile/test")?.as_bool()?,
        executable: text("/executable")?.into(),
    })
}

/// `teiten` of `path+file:///src/sensor-user#teiten@0.1.0`, `sensor-common` of `path+file:///src/sensor-common#0.1.0`.
fn package_name(id: &str) -> &str {
    let (source, fragment) = id.rsplit_once('#').unwrap_or(("", id));
    match fragment.split_once('@') {
        Some((name, _)) => name,
        None => source.rsplit('/').next().unwrap_or(fragment),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message() -> Value {
        json!({
            "reason": "compiler-artifact",
            "package_id": "path+file:///src/sensor-user#teiten@0.1.0",
            "manifest_path": "/src/sensor-user/Cargo.toml",
            "target": { "kind": ["test"], "name": "kernel" },
            "profile": { "test": true },
            "executable": "/src/target/debug/deps/kernel-1",
        })
    }

    #[test]
    fn a_program_is_read_from_cargos_message() {
        let expected = Artifact {
            package: "teiten".to_owned(),
            package_folder: "/src/sensor-user".into(),
            name: "kernel".to_owned(),
            kind: "test".to_owned(),
            test: true,
            executable: "/src/target/debug/deps/kernel-1".into(),
        };
        assert_eq!(parse(&message()), Some(expected));
    }

    #[test]
    fn a_message_without_a_program_is_none() {
        let mut library = message();
        library["executable"] = Value::Null;
        for message in [library, json!({ "reason": "build-finished", "success": true })] {
            assert_eq!(parse(&message), None);
        }
    }

    #[test]
    fn a_package_is_named_by_its_id_in_either_form() {
        assert_eq!(
            package_name("path+file:///src/sensor-user#teiten@0.1.0"),
            "teiten"
        );
        assert_eq!(
            package_name("path+file:///src/sensor-common#0.1.0"),
            "sensor-common"
        );
    }
}
