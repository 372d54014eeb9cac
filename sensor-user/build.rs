//! Brings the compiled XDP program into the daemon, and says how to make it where it is missing.

use std::{env, error::Error, fs, path::PathBuf};

/// Where `cargo xtask build` leaves the object, below the workspace.
const OBJECT: &str = "../target/bpf/sensor.o";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=TEITEN_OBJECT");
    let object = match env::var_os("TEITEN_OBJECT") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(OBJECT),
    };
    println!("cargo::rerun-if-changed={}", object.display());
    let bytes = fs::read(&object).map_err(|error| {
        format!(
            "the compiled XDP program {} cannot be read ({error}): run `cargo xtask build`, which makes it",
            object.display()
        )
    })?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("sensor.o"), bytes)?;
    Ok(())
}
