//! What fuzzing begins with: small well-formed inputs of each target, made from the case table.

mod captures;
mod databases;
mod payloads;
mod records;

use std::{fs, io, path::Path};

use crate::cases;

/// A name and the bytes.
type Seed = (String, Vec<u8>);

/// Writes the seeds into a folder for each target below `corpus`, and gives the number of files.
///
/// # Errors
/// A file cannot be written.
pub fn write(corpus: &Path) -> io::Result<usize> {
    let cases = cases::all();
    let frames = cases.iter().map(|case| (case.name.clone(), case.frame.clone()));
    let targets = [
        ("classifier", frames.collect()),
        ("records", records::seeds(&cases)),
        ("capture", captures::seeds(&cases)?),
        ("payloads", payloads::seeds(&cases)?),
        ("regions", databases::seeds()),
    ];
    let mut files = 0;
    for (target, seeds) in targets {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds {
            fs::write(folder.join(format!("seed-{name}")), bytes)?;
            files += 1;
        }
    }
    Ok(files)
}
