//! What has to go: files older than their table is kept, and files for which the disk has no room.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sensor_records::{Day, Kept, Place, RecordsError, Table, Writer};

use crate::{KeepError, Reason, Settings, Status};

/// Bytes that the disk has free for the sensor.
fn free_bytes(root: &Path) -> Result<u64, KeepError> {
    let disk = nix::sys::statvfs::statvfs(root).map_err(|source| KeepError::Disk {
        path: root.to_owned(),
        source,
    })?;
    Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

/// Bytes of all files in the directory of records, the open hour's too.
pub(crate) fn bytes_below(root: &Path) -> Result<u64, RecordsError> {
    let mut bytes = 0;
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for (path, data) in list(&folder)? {
            if data.is_dir() {
                folders.push(path);
            } else {
                bytes += data.len();
            }
        }
    }
    Ok(bytes)
}

/// What is in a folder; nothing where it is not there. What goes meanwhile is passed over.
fn list(folder: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>, RecordsError> {
    let failed = |source| RecordsError::Io {
        what: "list",
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if let Ok(data) = entry.metadata() {
            found.push((entry.path(), data));
        }
    }
    Ok(found)
}

/// The files of a table of this writer's sensor, oldest first.
fn files_of(writer: &Writer, table: Table) -> Result<Vec<Place>, RecordsError> {
    let mut places = Vec::new();
    for (date, _) in list(&writer.root().join(table.name()))? {
        let sensor = date.join(format!("sensor={}", writer.sensor()));
        for (path, _) in list(&sensor)? {
            let place = path.strip_prefix(writer.root()).ok().map(Place::parse);
            if let Some(Ok(place)) = place {
                places.push(place);
            }
        }
    }
    places.sort_by_key(|place| (place.day, place.period));
    Ok(places)
}

/// Removes what is older than its table is kept.
pub(crate) fn retire(
    writer: &Writer,
    settings: &Settings,
    status: &Status,
    now: i64,
) -> Result<(), KeepError> {
    for table in Table::ALL {
        let Kept::Days(days) = settings.kept(table) else {
            continue;
        };
        let oldest = Day::of(now).plus(-i64::from(days));
        for place in files_of(writer, table)?
            .iter()
            .take_while(|place| place.day < oldest)
        {
            remove(writer, status, place, Reason::Retention)?;
        }
    }
    Ok(())
}

/// Removes files until the disk is within its budget: the oldest of the table that gives way first. `used` is what all
/// files take. Whether it is within now.
pub(crate) fn make_room(
    writer: &Writer,
    settings: &Settings,
    status: &Status,
    used: &mut u64,
) -> Result<bool, KeepError> {
    let within = |used: u64| -> Result<bool, KeepError> {
        let free = free_bytes(writer.root())?;
        status.set_disk(free, used);
        Ok(free >= settings.min_free && settings.max_bytes.is_none_or(|most| used <= most))
    };
    for table in Table::GIVE_WAY {
        if within(*used)? {
            return Ok(true);
        }
        for place in files_of(writer, table)? {
            tracing::warn!(
                %place, free_bytes = status.free_bytes(), used_bytes = *used, floor_bytes = settings.min_free,
                "the disk is over its budget: the oldest file of the table that matters least is removed"
            );
            let bytes = fs::metadata(writer.root().join(place.path())).map_or(0, |data| data.len());
            remove(writer, status, &place, Reason::Disk)?;
            *used = used.saturating_sub(bytes);
            if within(*used)? {
                return Ok(true);
            }
        }
    }
    within(*used)
}

fn remove(writer: &Writer, status: &Status, place: &Place, reason: Reason) -> Result<(), KeepError> {
    writer.remove(place, reason.name())?;
    status.took_away(place.table, reason);
    tracing::info!(%place, reason = reason.name(), "a file of records is removed");
    Ok(())
}
