//! Reads many files of a table at once, batch by batch, and never panics on what is in them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    thread,
};

use arrow_array::{
    Array, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use bytes::Bytes;
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
};
use sensor_records::Place;

use crate::constants::Constants;
use crate::footer::Footers;
use crate::store::{Arriving, Store, StoreError};

/// Columns of which all rows hold the same are made at once up to here.
const FEW_ROWS: usize = 1 << 10;

/// Why a scan came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A directory cannot be listed, or a store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A reader died.
    #[error("a reader died of a fault of its own; `teiten-report verify` says which files are damaged")]
    Reader,
}

/// A file that was passed over, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The file.
    pub place: Place,
    /// Why.
    pub cause: String,
}

/// What readers made of the files that could be read.
#[derive(Debug)]
pub struct Scanned<A> {
    /// One for each reader.
    pub parts: Vec<A>,
    /// The files that could not be read: nothing of these is in `parts`' later rows.
    pub unreadable: Vec<Unreadable>,
}

/// The columns of a batch, by name and type.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'batch>(pub &'batch RecordBatch);

impl<'batch> Columns<'batch> {
    fn column<T: 'static>(self, name: &str) -> Result<&'batch T, String> {
        self.0
            .column_by_name(name)
            .ok_or_else(|| format!("the column {name} is missing"))?
            .as_any()
            .downcast_ref()
            .ok_or_else(|| format!("the column {name} is of another type"))
    }

    /// A column of text.
    ///
    /// # Errors
    /// When there is none of this name and type; so with all of these.
    pub fn text(self, name: &str) -> Result<&'batch StringArray, String> {
        self.column(name)
    }

    /// A column of small numbers.
    ///
    /// # Errors
    /// See [`Columns::text`].
    pub fn small(self, name: &str) -> Result<&'batch Int32Array, String> {
        self.column(name)
    }

    /// A column of counts.
    ///
    /// # Errors
    /// See [`Columns::text`].
    pub fn counts(self, name: &str) -> Result<&'batch Int64Array, String> {
        self.column(name)
    }

    /// A column of real numbers.
    ///
    /// # Errors
    /// See [`Columns::text`].
    pub fn reals(self, name: &str) -> Result<&'batch Float64Array, String> {
        self.column(name)
    }

    /// A column of yes and no.
    ///
    /// # Errors
    /// See [`Columns::text`].
    pub fn flags(self, name: &str) -> Result<&'batch BooleanArray, String> {
        self.column(name)
    }

    /// A column of times.
    ///
    /// # Errors
    /// See [`Columns::text`].
    pub fn times(self, name: &str) -> Result<&'batch TimestampMicrosecondArray, String> {
        self.column(name)
    }

    /// A column of bytes.
    ///
    /// # Errors
    /// See [`Columns::text`].
    pub fn bytes(self, name: &str) -> Result<&'batch BinaryArray, String> {
        self.column(name)
    }
}

/// A value that may be missing.
pub(crate) fn value<'batch, A: Array, T>(
    array: &'batch A,
    row: usize,
    get: impl Fn(&'batch A, usize) -> T,
) -> Option<T> {
    array.is_valid(row).then(|| get(array, row))
}

/// Reads files, and hands each batch of rows to `fold` with what its reader has gathered so far. `advance` is told of
/// each file that is done.
///
/// A file that is damaged is passed over and named in the answer. `fold` may refuse a batch in the same way, so long as
/// it has taken nothing of it.
///
/// # Errors
/// When files cannot be reached at all.
pub fn scan<A: Default + Send>(
    store: &Store,
    places: &[Place],
    columns: &[&str],
    fold: &(dyn Fn(&mut A, &Place, Columns<'_>) -> Result<(), String> + Sync),
    advance: &(dyn Fn() + Sync),
) -> Result<Scanned<A>, ScanError> {
    let arriving = Arriving::new(store, places);
    let unreadable = Mutex::new(Vec::new());
    let read = || -> Result<A, ScanError> {
        let mut part = A::default();
        let mut footers = Footers::new(columns);
        while let Some((place, bytes)) = arriving.next() {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                // Retention may remove a file between the listing and now.
                Err(error) if error.is_missing() => {
                    note(
                        &unreadable,
                        place,
                        "it was removed while the report was made".to_owned(),
                    )?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            // The decoder is another's, and files may be hostile.
            let decoded = catch_unwind(AssertUnwindSafe(|| batches(bytes, &mut footers)));
            let outcome = decoded
                .unwrap_or_else(|_| Err("its decoder gave up".to_owned()))
                .and_then(|batches| {
                    batches
                        .iter()
                        .try_for_each(|batch| fold(&mut part, place, Columns(batch)))
                });
            if let Err(cause) = outcome {
                note(&unreadable, place, cause)?;
            }
            advance();
        }
        Ok(part)
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let readers = processors.min(places.len()).max(1);
    let parts = thread::scope(|scope| {
        let readers: Vec<_> = (0..readers).map(|_| scope.spawn(read)).collect();
        readers
            .into_iter()
            .map(|reader| reader.join().map_err(|_| ScanError::Reader)?)
            .collect::<Result<Vec<A>, ScanError>>()
    })?;
    let mut unreadable = unreadable.into_inner().map_err(|_| ScanError::Reader)?;
    unreadable.sort_by(|one: &Unreadable, other| one.place.cmp(&other.place));
    Ok(Scanned { parts, unreadable })
}

fn note(unreadable: &Mutex<Vec<Unreadable>>, place: &Place, cause: String) -> Result<(), ScanError> {
    let place = place.clone();
    unreadable
        .lock()
        .map_err(|_| ScanError::Reader)?
        .push(Unreadable { place, cause });
    Ok(())
}

/// All rows of a file, or none.
fn batches(bytes: Bytes, footers: &mut Footers<'_>) -> Result<Vec<RecordBatch>, String> {
    fn text(error: impl std::fmt::Display) -> String {
        error.to_string()
    }
    let (metadata, wanted) = footers.decode(&bytes)?;
    let constants = Constants::of(&metadata, &wanted);
    let rows = metadata.file_metadata().num_rows();
    if let Ok(rows @ 0..=FEW_ROWS) = usize::try_from(rows)
        && constants.len() == wanted.len()
    {
        return Ok(vec![constants.rows(rows)?]);
    }
    let read = wanted
        .iter()
        .map(|(number, _)| *number)
        .filter(|number| !constants.has(*number));
    let mask = ProjectionMask::leaves(metadata.file_metadata().schema_descr(), read);
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(text)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata)
        .with_projection(mask)
        .build()
        .map_err(text)?;
    reader
        .map(|batch| constants.join(&batch.map_err(text)?))
        .collect()
}
