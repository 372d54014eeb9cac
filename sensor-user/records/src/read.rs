//! Reading files of records back.

use std::{collections::HashMap, fs::File, path::Path};

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder, errors::ParquetError, file::metadata::KeyValue,
};

use crate::{RecordsError, Row, Table, writer::KEY_TABLE};

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, RecordsError> {
    let file = File::open(path).map_err(RecordsError::io("read", path))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(RecordsError::parquet(path))
}

/// The key-value metadata of a file, and its table.
///
/// # Errors
/// It is no file of ours.
pub fn table_of_file(path: &Path) -> Result<(Table, HashMap<String, String>), RecordsError> {
    let builder = open(path)?;
    let pairs = builder.metadata().file_metadata().key_value_metadata();
    let pair = |pair: &KeyValue| Some((pair.key.clone(), pair.value.clone()?));
    let metadata: HashMap<_, _> = pairs.into_iter().flatten().filter_map(pair).collect();
    let table = metadata.get(KEY_TABLE).and_then(|name| name.parse().ok());
    let unknown = || ParquetError::General("it does not say which table it is of".to_owned());
    table
        .map(|table| (table, metadata))
        .ok_or_else(unknown)
        .map_err(RecordsError::parquet(path))
}

/// Reads what [`encode_rows`](crate::encode_rows) gave.
///
/// # Errors
/// The bytes are something else.
pub fn decode_rows<R: Row>(bytes: Vec<u8>) -> Result<Vec<R>, RecordsError> {
    let name = R::TABLE.name();
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes));
    let reader = builder
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(RecordsError::parquet(name))?;
    let mut rows = Vec::new();
    for batch in reader {
        rows.extend(R::from_batch(&batch.map_err(RecordsError::parquet(name))?)?);
    }
    Ok(rows)
}

/// Reads all rows of a file.
///
/// # Errors
/// It cannot be read, or is of another table.
pub fn read_rows<R: Row>(path: &Path) -> Result<Vec<R>, RecordsError> {
    let reader = open(path)?.build().map_err(RecordsError::parquet(path))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch: RecordBatch = batch.map_err(RecordsError::parquet(path))?;
        rows.extend(R::from_batch(&batch)?);
    }
    Ok(rows)
}
