//! Footers of files, decoded for the columns that are wanted.
//!
//! The files of a table have the same columns, one after the other: what a footer says of these is decoded once, and then
//! compared. That leaves statistics of the wanted columns and the places of pages, of which hours of coverage need nothing else.

use std::sync::Arc;

use arrow_schema::Field;
use parquet::{
    arrow::parquet_to_arrow_schema,
    file::metadata::{
        FooterTail, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
    },
};

/// What ends a file: the length of its footer, and four letters.
const TAIL: usize = 8;
/// Sets of columns that are remembered: there are as many as versions of the table.
const MOST_SHAPES: usize = 8;
/// No table of ours has as many rows in a file.
const MOST_ROWS: i64 = 1 << 22;

/// A wanted column: its number in the file, and what it holds.
pub(crate) type Wanted = (usize, Arc<Field>);

/// The columns of files.
struct Shape {
    /// What a footer begins with, up to the last column's name: how many columns there are, their types and names.
    head: Vec<u8>,
    options: ParquetMetaDataOptions,
    wanted: Arc<[Wanted]>,
}

/// Decodes footers of one table after the other.
pub(crate) struct Footers<'names> {
    names: &'names [&'names str],
    shapes: Vec<Shape>,
}

impl<'names> Footers<'names> {
    /// For the columns of these names; those that a file lacks are left out.
    pub(crate) fn new(names: &'names [&'names str]) -> Self {
        Self {
            names,
            shapes: Vec::new(),
        }
    }

    /// The footer of a file, and the wanted columns in it.
    pub(crate) fn decode(&mut self, file: &[u8]) -> Result<(ParquetMetaData, Arc<[Wanted]>), String> {
        let footer = footer(file)?;
        let known = self.shapes.iter().find(|shape| footer.starts_with(&shape.head));
        let (metadata, wanted) = match known {
            Some(shape) => {
                let decoded =
                    ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&shape.options));
                (decoded.map_err(text)?, Arc::clone(&shape.wanted))
            }
            None => self.learn(footer)?,
        };
        if !(0..=MOST_ROWS).contains(&metadata.file_metadata().num_rows()) {
            return Err("it says that it has more rows than any file of ours".to_owned());
        }
        Ok((metadata, wanted))
    }

    fn learn(&mut self, footer: &[u8]) -> Result<(ParquetMetaData, Arc<[Wanted]>), String> {
        let metadata = ParquetMetaDataReader::decode_metadata(footer).map_err(text)?;
        let schema = metadata.file_metadata().schema_descr_ptr();
        let fields = parquet_to_arrow_schema(&schema, None).map_err(text)?.fields;
        if fields.len() != schema.num_columns() {
            return Err("it has columns within columns".to_owned());
        }
        let is_wanted = |field: &Arc<Field>| self.names.contains(&field.name().as_str());
        let wanted: Arc<[Wanted]> = fields
            .iter()
            .cloned()
            .enumerate()
            .filter(|(_, field)| is_wanted(field))
            .collect();
        let numbers: Vec<usize> = wanted.iter().map(|(number, _)| *number).collect();
        let last = fields.last().map(|field| field.name().as_bytes());
        let head = last.filter(|name| !name.is_empty()).and_then(|name| {
            let at = footer.windows(name.len()).position(|found| found == name)?;
            Some(footer[..at + name.len()].to_vec())
        });
        if let Some(head) = head.filter(|_| self.shapes.len() < MOST_SHAPES) {
            let options = ParquetMetaDataOptions::new()
                .with_schema(schema)
                .with_column_stats_policy(ParquetStatisticsPolicy::skip_except(&numbers))
                .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
                .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
            self.shapes.push(Shape {
                head,
                options,
                wanted: Arc::clone(&wanted),
            });
        }
        Ok((metadata, wanted))
    }
}

/// The bytes of a file's footer.
fn footer(file: &[u8]) -> Result<&[u8], String> {
    let (before, tail) = file
        .split_last_chunk::<TAIL>()
        .ok_or("it is too short to be one of ours")?;
    let tail = FooterTail::try_new(tail).map_err(text)?;
    let begins = before
        .len()
        .checked_sub(tail.metadata_length())
        .ok_or("its footer is longer than itself")?;
    if tail.is_encrypted_footer() {
        return Err("it is encrypted".to_owned());
    }
    Ok(&before[begins..])
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
