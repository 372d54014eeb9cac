//! Writes what fuzzing begins with: `fuzz_seeds FOLDER`.

use std::{env, path::Path};

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    let folder = env::args_os()
        .nth(1)
        .context("name the folder that holds a corpus for each target")?;
    let files = sensor_lab::seeds::write(Path::new(&folder)).context("the seeds cannot be written")?;
    println!("{files}");
    Ok(())
}
