//! Which series there were: kept over a restart, so that a graph goes on where it was.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{listing::Kept, series::Series};
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
    /// Which maps the ports were counted in; 0 for such as ended with their process.
    epoch: u64,
    /// Each port, the totals at which its series begins, and whether it counts yet.
    port_series: Vec<(PortName, [u64; 3], bool)>,
    /// What ended series of ports had counted.
    ports_retired: [u64; 3],
}

impl Keys {
    fn of(series: &Series, epoch: u64) -> Self {
        let ports = series.ports.kept();
        Self {
            epoch,
            port_series: ports.series,
            ports_retired: ports.retired,
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
    epoch: u64,
}

impl Remembered {
    /// Opens the memory in a state directory, and lists what was listed. `epoch` tells the maps of the totals from all
    /// others; 0 is for such as begin with this process. Says as well whether the series of ports go on in these maps.
    pub fn open(directory: &Path, epoch: u64, series: &mut Series) -> (Self, bool) {
        let path = directory.join(FILE);
        let written = match read(&path) {
            Ok(keys) => keys,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Keys::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the listed series cannot be read; they are listed anew");
                Keys::default()
            }
        };
        let goes_on = epoch != 0 && written.epoch == epoch;
        if goes_on {
            series.ports.resume(&Kept {
                series: written.port_series.clone(),
                retired: written.ports_retired,
            });
        } else {
            series.ports.restore(written.ports.iter().copied());
        }
        series.regions.restore(written.regions.iter().copied());
        series.pairs.restore(written.pairs.iter().copied());
        let remembered = Self { path, written, epoch };
        (remembered, goes_on)
    }

    /// Writes the listed keys when they have changed.
    pub fn keep(&mut self, series: &Series) {
        let keys = Keys::of(series, self.epoch);
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
        let (mut memory, _) = Remembered::open(directory.path(), 0, &mut before);
        let port: PortName = "5555/tcp".parse().unwrap();
        let region: Region = "JP".parse().unwrap();
        before.ports.restore([port]);
        before.regions.restore([region]);
        before.pairs.restore([(port, region)]);
        memory.keep(&before);
        let mut after = series();
        Remembered::open(directory.path(), 0, &mut after);
        assert_eq!(Keys::of(&after, 0), Keys::of(&before, 0));
        assert!(after.ports.keys().any(|listed| listed == port));
    }

    #[test]
    fn series_go_on_in_the_maps_that_they_were_counted_in_and_in_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let mut before = series();
        let (mut memory, goes_on) = Remembered::open(directory.path(), 7, &mut before);
        assert!(!goes_on, "nothing was remembered");
        before
            .ports
            .update(|_| [10, 0, 0], &["5555/tcp".parse().unwrap()], 0);
        memory.keep(&before);
        let mut same = series();
        assert!(Remembered::open(directory.path(), 7, &mut same).1);
        assert_eq!(same.ports.kept(), before.ports.kept());
        let mut other = series();
        assert!(!Remembered::open(directory.path(), 8, &mut other).1);
        assert_eq!(other.ports.kept().series[0].1, [0; 3]);
    }

    #[test]
    fn a_broken_memory_is_an_empty_one() {
        for text in ["", "{", "[]", "{\"ports\":[\"x\"]}", "{\"regions\":[\"../\"]}"] {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join(FILE), text).unwrap();
            let mut series = series();
            Remembered::open(directory.path(), 0, &mut series);
            assert!(series.ports.is_empty(), "{text}");
        }
    }
}
