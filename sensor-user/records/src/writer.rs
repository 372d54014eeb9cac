//! Writing files of records: rows in, a whole file in its place out, listed in its manifest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
    },
};

use crate::{
    Digest, Manifest, Place, RecordsError, Row, SCHEMA_VERSION, Table,
    file::{clear_aside, make_directory, sync_directories, write_whole},
    read::table_of_file,
    row::schema,
};

/// The table, in a file's metadata.
pub(crate) const KEY_TABLE: &str = "teiten.table";
/// What was closed, in a file's metadata: a redo of the same closing finds its own file and puts it anew.
const KEY_CLOSING: &str = "teiten.closing";
/// Rows of a group: small, so that sorted columns prune well.
const GROUP_ROWS: usize = 1 << 16;
/// Files of so many rows, such as the one of an hour's coverage, are mostly what is said of them.
const TINY_ROWS: usize = 8;
/// Up to so many rows, each column is a page of its own of some hundred bytes: readers spend more on making ready to unpack it
/// than on all else, and an index of pages says what the chunk's own statistics say. As many as an hour of one address has.
const FEW_ROWS: usize = 512;
/// Past 3, zstd takes longer and hardly gets smaller on sorted columns.
const ZSTD_LEVEL: i32 = 3;

/// What to do where a file of the same place is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Refuse,
    /// Put the file anew when it is of the same closing; else write the next part beside it.
    SameClosingOrNextPart(String),
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub place: Place,
    /// Its digest, as it stands in the manifest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: u64,
    /// Its rows.
    pub rows: usize,
}

/// Writes the files of one sensor. There is one writer to a sensor's files at a time.
#[derive(Clone, Debug)]
pub struct Writer {
    root: PathBuf,
    sensor: String,
}

impl Writer {
    /// A writer into a directory, which is made if need be. What this sensor's writers that died left unfinished is
    /// removed.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(root: &Path, sensor: &str) -> Result<Self, RecordsError> {
        make_directory(root)?;
        clear_aside(root, sensor);
        Ok(Self {
            root: root.to_owned(),
            sensor: sensor.to_owned(),
        })
    }

    /// The directory of records.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The sensor's id.
    #[must_use]
    pub fn sensor(&self) -> &str {
        &self.sensor
    }

    /// Writes rows of an hour, or of a day for a daily table; `seconds` since 1970 is any time in it. The rows are
    /// sorted first. When this returns, they are on the disk for good.
    ///
    /// # Errors
    /// The disk does not take them, or they are there already; then nothing has changed.
    pub fn write<R: Row>(
        &self,
        seconds: i64,
        rows: &mut [R],
        existing: &Existing,
    ) -> Result<Written, RecordsError> {
        let place = self.free_place(Place::of(R::TABLE, &self.sensor, seconds), existing)?;
        R::sort(rows);
        let bytes = encode(&place, rows, existing)?;
        let path = place.path();
        write_whole(&self.root, &self.sensor, &path, &bytes)?;
        let digest = Digest::of(&bytes);
        let mut manifest = Manifest::read(&self.root, place.day, &self.sensor)?;
        manifest.removed.remove(&place);
        manifest.files.insert(place.clone(), digest);
        manifest.write(&self.root)?;
        Ok(Written {
            place,
            digest,
            bytes: bytes.len() as u64,
            rows: rows.len(),
        })
    }

    /// Removes a file, and writes into the manifest why: one word. Whether it was there.
    ///
    /// # Errors
    /// The disk does not take the manifest, or the file cannot be removed.
    pub fn remove(&self, place: &Place, why: &str) -> Result<bool, RecordsError> {
        // The manifest first: a file that is there and not listed harms nobody, one that is listed and not there is
        // an alarm.
        let mut manifest = Manifest::read(&self.root, place.day, &self.sensor)?;
        let listed = manifest.files.remove(place).is_some();
        manifest.removed.insert(place.clone(), why.to_owned());
        manifest.write(&self.root)?;
        let path = self.root.join(place.path());
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(listed),
            Err(error) => return Err(RecordsError::io("remove", &path)(error)),
        }
        self.remove_empty_folders(&path)?;
        Ok(true)
    }

    fn remove_empty_folders(&self, path: &Path) -> Result<(), RecordsError> {
        let mut folder = path.parent();
        while let Some(path) = folder.filter(|path| *path != self.root) {
            // One that is not empty stays.
            if fs::remove_dir(path).is_err() {
                return sync_directories(path, path);
            }
            folder = path.parent();
        }
        Ok(())
    }

    /// The place to write to, given what is there.
    fn free_place(&self, mut place: Place, existing: &Existing) -> Result<Place, RecordsError> {
        loop {
            let path = self.root.join(place.path());
            if !path.exists() {
                return Ok(place);
            }
            let Existing::SameClosingOrNextPart(closing) = existing else {
                return Err(RecordsError::Exists(place));
            };
            let same = table_of_file(&path)
                .is_ok_and(|(_, metadata)| metadata.get(KEY_CLOSING).is_some_and(|found| found == closing));
            let listed = Manifest::read(&self.root, place.day, &self.sensor)?
                .files
                .contains_key(&place);
            // One that no manifest lists was never closed.
            if same || !listed || place.table.is_daily() {
                return Ok(place);
            }
            place = place.next_part();
        }
    }
}

/// Rows as bytes that [`decode_rows`](crate::decode_rows) reads: for what has to wait before it becomes a file.
///
/// # Errors
/// Never for rows of ours.
pub fn encode_rows<R: Row>(rows: &[R]) -> Result<Vec<u8>, RecordsError> {
    let mut bytes = Vec::new();
    let properties = encoding(rows.len())
        .map_err(RecordsError::parquet(R::TABLE.name()))?
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut writer =
        arrow_writer::<R>(&mut bytes, properties).map_err(RecordsError::parquet(R::TABLE.name()))?;
    writer
        .write(&R::to_batch(rows)?)
        .map_err(RecordsError::parquet(R::TABLE.name()))?;
    writer.close().map_err(RecordsError::parquet(R::TABLE.name()))?;
    Ok(bytes)
}

/// Rows as the bytes of a file.
fn encode<R: Row>(place: &Place, rows: &[R], existing: &Existing) -> Result<Vec<u8>, RecordsError> {
    let path = place.path();
    let mut bytes = Vec::new();
    let properties = properties(place, existing, rows.len()).map_err(RecordsError::parquet(&path))?;
    let mut writer = arrow_writer::<R>(&mut bytes, properties).map_err(RecordsError::parquet(&path))?;
    for rows in rows.chunks(GROUP_ROWS) {
        writer
            .write(&R::to_batch(rows)?)
            .map_err(RecordsError::parquet(&path))?;
    }
    writer.close().map_err(RecordsError::parquet(&path))?;
    Ok(bytes)
}

/// A writer of a table's columns. Their types are those that Parquet itself has, so Arrow's own schema, which would be the
/// larger part of a small file, is left out.
fn arrow_writer<R: Row>(
    bytes: &mut Vec<u8>,
    properties: WriterProperties,
) -> Result<ArrowWriter<&mut Vec<u8>>, parquet::errors::ParquetError> {
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(bytes, schema(&R::columns()), options)
}

/// How so many rows are encoded. Of a few, packing and indices cost more than they save, and of a handful dictionaries too; the
/// footer still has what a reader needs to leave a column alone.
fn encoding(rows: usize) -> Result<WriterPropertiesBuilder, parquet::errors::ParquetError> {
    let builder = WriterProperties::builder();
    Ok(if rows <= FEW_ROWS {
        builder
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(rows > TINY_ROWS)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
    } else {
        builder
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_statistics_enabled(EnabledStatistics::Page)
    })
}

fn properties(
    place: &Place,
    existing: &Existing,
    rows: usize,
) -> Result<WriterProperties, parquet::errors::ParquetError> {
    let table = place.table;
    let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut metadata = vec![
        pair(KEY_TABLE, table.name().to_owned()),
        pair("teiten.schema_version", SCHEMA_VERSION.to_string()),
        pair("teiten.sensor", place.sensor.clone()),
        pair("teiten.date", place.day.to_string()),
        pair("teiten.row", Table::about(table).to_owned()),
        pair("teiten.sorted_by", table.sorted_by().join(" ")),
    ];
    if let Existing::SameClosingOrNextPart(closing) = existing {
        metadata.push(pair(KEY_CLOSING, closing.clone()));
    }
    for column in table.columns() {
        metadata.push(pair(
            &format!("teiten.column.{}", column.name),
            column.documentation,
        ));
    }
    Ok(encoding(rows)?
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by(concat!("teiten ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(metadata))
        .build())
}
