//! Parts of the records, to add to or to break.

use std::fs;

use super::World;

/// Some days of some sensors' tables. What is not there is passed over.
pub(crate) fn copy(world: &World, tables: &[&str], days: &[&str], sensors: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for table in tables {
        for day in days {
            for sensor in sensors {
                let place = format!("{table}/date={day}/sensor={sensor}");
                let (from, to) = (world.directory.path().join(&place), directory.path().join(&place));
                let Ok(files) = fs::read_dir(from) else { continue };
                fs::create_dir_all(&to).unwrap();
                for file in files.map(Result::unwrap) {
                    fs::copy(file.path(), to.join(file.file_name())).unwrap();
                }
            }
        }
    }
    directory
}
