//! Which series there were: kept over a restart, so that a graph goes on where it was.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::series::Series;
use crate::{pipeline::PortName, region::Region};

/// The file in the state directory.
const FILE: &str = "series.json";
/// No listing of ours comes near this; a larger file is not ours.
const MAX_BYTES: u64 = 1 << 20;

/// The listed keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Keys {
    ports: Vec<PortName>,
    regions: Vec<Region>,
    pairs: Vec<(PortName, Region)>,
}

impl Keys {
    fn of(series: &Series) -> Self {
        Self {
            ports: series.ports.keys().collect(),
            regions: series.regions.keys().collect(),
            pairs: series.pairs.keys().collect(),
        }
    }
}

/// The memory of a state directory. Losing it loses no count: series are listed anew as they rank.
#[derive(Debug)]
pub struct Remembered {
    path: PathBuf,
    written: Keys,
}

impl Remembered {
    /// Opens the memory in a state directory, and lists what was listed.
    pub fn open(directory: &Path, series: &mut Series) -> Self {
        let path = directory.join(FILE);
        let written = match read(&path) {
            Ok(keys) => keys,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Keys::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the listed series cannot be read; they are listed anew");
                Keys::default()
            }
        };
        series.ports.restore(written.ports.iter().copied());
        series.regions.restore(written.regions.iter().copied());
        series.pairs.restore(written.pairs.iter().copied());
        Self { path, written }
    }

    /// Writes the listed keys when they have changed.
    pub fn keep(&mut self, series: &Series) {
        let keys = Keys::of(series);
        if keys == self.written {
            return;
        }
        if let Err(error) = write(&self.path, &keys) {
            tracing::warn!(path = %self.path.display(), %error, "the listed series cannot be kept over a restart");
        }
        // After a failure too: the next change tries again, not each tick.
        self.written = keys;
    }
}

fn read(path: &Path) -> io::Result<Keys> {
    let size = fs::metadata(path)?.len();
    if size > MAX_BYTES {
        return Err(io::Error::other(format!(
            "{size} bytes are more than any listing has"
        )));
    }
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
}

/// Written aside and renamed, so that a reader finds the old keys or the new ones.
fn write(path: &Path, keys: &Keys) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
    file.write_all(&serde_json::to_vec(keys).map_err(io::Error::other)?)?;
    file.sync_all()?;
    fs::rename(aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> Series {
        Series::new(8, &[])
    }

    #[test]
    fn listed_keys_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let mut before = series();
        let mut memory = Remembered::open(directory.path(), &mut before);
        let port: PortName = "5555/tcp".parse().unwrap();
        let region: Region = "JP".parse().unwrap();
        before.ports.restore([port]);
        before.regions.restore([region]);
        before.pairs.restore([(port, region)]);
        memory.keep(&before);
        let mut after = series();
        Remembered::open(directory.path(), &mut after);
        assert_eq!(Keys::of(&after), Keys::of(&before));
        assert!(after.ports.keys().any(|listed| listed == port));
    }

    #[test]
    fn a_broken_memory_is_an_empty_one() {
        for text in ["", "{", "[]", "{\"ports\":[\"x\"]}", "{\"regions\":[\"../\"]}"] {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join(FILE), text).unwrap();
            let mut series = series();
            Remembered::open(directory.path(), &mut series);
            assert!(series.ports.is_empty(), "{text}");
        }
    }
}
