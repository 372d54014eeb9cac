//! The files of samples: rotating, readable for one user alone, never more than their budget.

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::pcapng::{Encoder, Packet};

/// A file is this part of the budget, so that rotation gives up an eighth at a time.
const FILES: u64 = 8;
/// The smallest budget: a file holds some samples.
pub const LEAST_BUDGET: u64 = 64 << 10;
/// What the files are called in front.
const PREFIX: &str = "samples-";
const SUFFIX: &str = ".pcapng";

/// What cannot be kept, and why.
#[derive(Debug, thiserror::Error)]
#[error("samples cannot be kept in {path} ({source}): is there room, and may the sensor write there?")]
pub struct StoreError {
    path: PathBuf,
    source: io::Error,
}

/// The files.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    budget: u64,
    /// Files that are whole, the oldest first, and their sizes.
    closed: VecDeque<(PathBuf, u64)>,
    open: Option<Open>,
    removed_files: u64,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    octets: u64,
    encoder: Encoder,
}

impl Store {
    /// The files in a directory, which is made where it is not there. What is there already counts.
    ///
    /// # Errors
    /// The directory cannot be made or read.
    pub fn open(directory: &Path, budget: u64) -> Result<Self, StoreError> {
        let failed = |source| StoreError {
            path: directory.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(failed)?;
        let mut closed: Vec<(PathBuf, u64)> = fs::read_dir(directory)
            .map_err(failed)?
            .filter_map(Result::ok)
            .filter(|entry| is_ours(&entry.file_name().to_string_lossy()))
            .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.len())))
            .collect();
        closed.sort();
        Ok(Self {
            directory: directory.to_owned(),
            budget: budget.max(LEAST_BUDGET),
            closed: closed.into(),
            open: None,
            removed_files: 0,
        })
    }

    /// Keeps a packet, at the cost of the oldest file where there is no room.
    ///
    /// # Errors
    /// It cannot be written: then no part of it is left in the file, and it is lost.
    pub fn put(&mut self, packet: &Packet) -> Result<(), StoreError> {
        let most = self.budget / FILES;
        // An upper bound of what the packet takes with its interface.
        let octets = (packet.frame.len() + packet.comment.len() + packet.interface.len() + 256) as u64;
        if self.open.as_ref().is_some_and(|open| open.octets + octets > most) {
            self.close();
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(packet.nanoseconds, most)?,
        };
        let blocks = open.encoder.packet(packet);
        if let Err(source) = open.file.write_all(&blocks) {
            // What is there stays a whole file; the next packet begins another.
            let _ = open.file.set_len(open.octets);
            let path = open.path.clone();
            self.closed.push_back((open.path, open.octets));
            return Err(StoreError { path, source });
        }
        open.octets += blocks.len() as u64;
        self.open = Some(open);
        Ok(())
    }

    fn begin(&mut self, nanoseconds: u64, most: u64) -> Result<Open, StoreError> {
        while self.closed_octets() + most > self.budget {
            let Some((path, _)) = self.closed.pop_front() else {
                break;
            };
            // A file that somebody else removed takes no room either.
            if let Err(source) = fs::remove_file(&path)
                && source.kind() != io::ErrorKind::NotFound
            {
                return Err(StoreError { path, source });
            }
            self.removed_files += 1;
        }
        let moment = i128::from(nanoseconds);
        let stamp = jiff::Timestamp::from_nanosecond(moment).unwrap_or_default();
        let stamp = stamp.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut number = 0_u32;
        let (path, file) = loop {
            let path = self
                .directory
                .join(format!("{PREFIX}{stamp}-{number:04}{SUFFIX}"));
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
            {
                Ok(file) => break (path, file),
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists && number < 9_999 => number += 1,
                Err(source) => return Err(StoreError { path, source }),
            }
        };
        let section = Encoder::section();
        let mut open = Open {
            path,
            file,
            octets: section.len() as u64,
            encoder: Encoder::default(),
        };
        if let Err(source) = open.file.write_all(&section) {
            let _ = fs::remove_file(&open.path);
            return Err(StoreError {
                path: open.path,
                source,
            });
        }
        Ok(open)
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.closed.push_back((open.path, open.octets));
        }
    }

    fn closed_octets(&self) -> u64 {
        self.closed.iter().map(|(_, octets)| octets).sum()
    }

    /// Octets of all files.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.closed_octets() + self.open.as_ref().map_or(0, |open| open.octets)
    }

    /// Files that went because there was no room.
    #[must_use]
    pub fn removed_files(&self) -> u64 {
        self.removed_files
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// The files of a directory, the oldest first.
///
/// # Errors
/// It cannot be read.
pub fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if is_ours(&entry.file_name().to_string_lossy()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::pcapng::Decoder;

    fn packet(number: u64) -> Packet {
        Packet {
            nanoseconds: 1_700_000_000_000_000_000 + number * 1_000_000_000,
            interface: "eth0".to_owned(),
            wire_octets: 400,
            frame: number.to_le_bytes().repeat(50),
            comment: format!("number={number}"),
        }
    }

    fn on_disk(directory: &Path) -> u64 {
        let files = files(directory).unwrap();
        files.iter().map(|file| fs::metadata(file).unwrap().len()).sum()
    }

    #[test]
    fn files_rotate_within_the_budget_and_keep_the_newest_whole() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("samples");
        let mut store = Store::open(&directory, LEAST_BUDGET).unwrap();
        for number in 0..1_000 {
            // A daemon that starts again goes on with what is there.
            if number == 500 {
                store = Store::open(&directory, LEAST_BUDGET).unwrap();
            }
            store.put(&packet(number)).unwrap();
            assert!(on_disk(&directory) <= LEAST_BUDGET, "{number}");
            assert_eq!(on_disk(&directory), store.octets());
        }
        assert!(store.removed_files() > 0);
        let mut numbers = Vec::new();
        for file in files(&directory).unwrap() {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            let mut decoder = Decoder::new(File::open(&file).unwrap());
            while let Some(packet) = decoder.packet().unwrap() {
                numbers.push(packet.word("number").unwrap().parse::<u64>().unwrap());
            }
        }
        let first = numbers[0];
        assert_eq!(numbers, (first..1_000).collect::<Vec<_>>());
        assert!(numbers.len() as u64 * 500 > LEAST_BUDGET / 2);
        assert_eq!(
            fs::metadata(&directory).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("mine.pcapng"), vec![0; 100_000]).unwrap();
        let mut store = Store::open(place.path(), LEAST_BUDGET).unwrap();
        for number in 0..1_000 {
            store.put(&packet(number)).unwrap();
        }
        assert!(place.path().join("mine.pcapng").exists());
    }
}
