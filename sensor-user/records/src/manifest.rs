//! The manifest of a sensor's day: which files there are, and their SHA-256.
//!
//! It is a text that `sha256sum --check` understands, with paths from the directory of records on. Lines that begin
//! with `#` say what was removed and why; the last line is the SHA-256 of all lines above it, so a change of the
//! manifest is found too. It is written aside, synchronised and renamed, after the file that it newly lists.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Day, Digest, Place, RecordsError,
    file::write_whole,
    layout::{MANIFEST_FILE, is_sensor},
};

/// What the first line begins with.
const HEAD: &str = "# teiten records, manifest 1: ";
/// What a line of a removed file begins with.
const REMOVED: &str = "# removed ";
/// What the last line begins with.
const END: &str = "# end ";
/// No manifest of ours comes near this; a larger file is not ours.
const MAX_BYTES: u64 = 16 << 20;

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    day: Day,
    sensor: String,
    /// The files that have to be there.
    pub files: BTreeMap<Place, Digest>,
    /// The files that were removed, and why: one word, as `retention` or `disk`.
    pub removed: BTreeMap<Place, String>,
}

impl Manifest {
    /// An empty one.
    #[must_use]
    pub fn new(day: Day, sensor: &str) -> Self {
        Self {
            day,
            sensor: sensor.to_owned(),
            files: BTreeMap::new(),
            removed: BTreeMap::new(),
        }
    }

    /// Where it lies in the directory of records.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        Place::manifest_folder(self.day, &self.sensor).join(MANIFEST_FILE)
    }

    /// Reads the manifest of a sensor's day; an empty one where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn read(root: &Path, day: Day, sensor: &str) -> Result<Self, RecordsError> {
        let empty = Self::new(day, sensor);
        let path = root.join(empty.path());
        match fs::metadata(&path) {
            Ok(data) if data.len() > MAX_BYTES => {
                return Err(RecordsError::Manifest {
                    path,
                    cause: "it is larger than any of ours",
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(empty),
            _ => {}
        }
        let bytes = fs::read(&path).map_err(RecordsError::io("read", &path))?;
        Self::parse(&bytes, day, sensor).map_err(|cause| RecordsError::Manifest { path, cause })
    }

    /// Writes it whole.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn write(&self, root: &Path) -> Result<(), RecordsError> {
        write_whole(root, &self.sensor, &self.path(), self.to_string().as_bytes())
    }

    /// Reads a text; damage anywhere in it is found.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(bytes: &[u8], day: Day, sensor: &str) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?;
        let above = text
            .strip_suffix('\n')
            .ok_or("it is cut off")?
            .rfind('\n')
            .map(|end| end + 1)
            .ok_or("it is cut off")?;
        let (above, end) = text.split_at(above);
        if end != format!("{END}{}\n", Digest::of(above.as_bytes())) {
            return Err("its last line is not the SHA-256 of what is above");
        }
        let mut manifest = Self::new(day, sensor);
        let mut lines = above.lines();
        if !is_sensor(sensor) || lines.next() != Some(&format!("{HEAD}{sensor} {day}")) {
            return Err("it is of another sensor or day");
        }
        for line in lines {
            manifest.line(line)?;
        }
        Ok(manifest)
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let place = |path| Place::parse(Path::new(path)).map_err(|_| "it lists what is no place");
        if let Some(rest) = line.strip_prefix(REMOVED) {
            let (why, path) = rest.split_once(' ').ok_or("a line says not what was removed")?;
            self.removed.insert(place(path)?, why.to_owned());
        } else {
            let (digest, path) = line.split_once("  ").ok_or("a line has no path")?;
            let digest = digest.parse().map_err(|_| "a line has no SHA-256")?;
            self.files.insert(place(path)?, digest);
        }
        Ok(())
    }
}

impl std::fmt::Display for Manifest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("{HEAD}{} {}\n", self.sensor, self.day);
        for (place, why) in &self.removed {
            writeln!(text, "{REMOVED}{why} {place}")?;
        }
        for (place, digest) in &self.files {
            writeln!(text, "{digest}  {place}")?;
        }
        writeln!(formatter, "{text}{END}{}", Digest::of(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    fn filled() -> Manifest {
        let mut manifest = Manifest::new(Day::of(0), "a");
        for hour in 0..3 {
            let place = Place::of(Table::Cells, "a", hour * 3_600);
            manifest.files.insert(place, Digest::of(&[1, 2, 3]));
        }
        let gone = Place::of(Table::Sources, "a", 0);
        manifest.removed.insert(gone, "disk".to_owned());
        manifest
    }

    #[test]
    fn a_manifest_survives_its_text() {
        for manifest in [filled(), Manifest::new(Day::of(0), "a")] {
            let text = manifest.to_string();
            assert_eq!(
                Manifest::parse(text.as_bytes(), Day::of(0), "a").unwrap(),
                manifest
            );
        }
    }

    #[test]
    fn any_flipped_bit_and_any_cut_of_a_manifest_is_found() {
        let text = filled().to_string().into_bytes();
        for bit in 0..text.len() * 8 {
            let mut changed = text.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::parse(&changed, Day::of(0), "a").is_err(), "bit {bit}");
        }
        for end in 0..text.len() {
            assert!(
                Manifest::parse(&text[..end], Day::of(0), "a").is_err(),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn a_manifest_of_another_day_or_sensor_is_refused() {
        let text = filled().to_string();
        assert!(Manifest::parse(text.as_bytes(), Day::of(86_400), "a").is_err());
        assert!(Manifest::parse(text.as_bytes(), Day::of(0), "b").is_err());
    }
}
