//! Rows as structures: one definition gives the fields, the columns with their documentation, and both directions.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};

use crate::{RecordsError, Table, column::ColumnDescription};

/// A row of a table.
pub trait Row: Sized {
    /// The table that such rows stand in.
    const TABLE: Table;

    /// The columns, in their order.
    fn columns() -> Vec<ColumnDescription>;

    /// Rows as columns.
    ///
    /// # Errors
    /// Never for rows of ours: Arrow checks the lengths once more.
    fn to_batch(rows: &[Self]) -> Result<RecordBatch, RecordsError>;

    /// Columns as rows. Columns beyond ours are passed over.
    ///
    /// # Errors
    /// A column is missing, of another type, or lacks a value.
    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>, RecordsError>;

    /// Puts rows into the order of their table.
    fn sort(rows: &mut [Self]);
}

/// The schema of columns; each field's documentation is in its metadata.
pub(crate) fn schema(columns: &[ColumnDescription]) -> SchemaRef {
    let fields = columns.iter().map(|column| {
        Field::new(&column.name, column.data_type.clone(), column.nullable)
            .with_metadata([("documentation".to_owned(), column.documentation.clone())].into())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Defines rows. The first sentence of the structure's documentation says what one row is.
macro_rules! rows {
    ($(
        $(#[doc = $about:literal])+
        $row:ident of $table:ident, sorted by ($($key:ident),+) {
            $($(#[doc = $doc:literal])+ $field:ident: $value:ty,)+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct $row {
                $($(#[doc = $doc])+ pub $field: $value,)+
            }

            impl $crate::Row for $row {
                const TABLE: $crate::Table = $crate::Table::$table;

                fn columns() -> Vec<$crate::ColumnDescription> {
                    let mut columns = Vec::new();
                    $(columns.extend(<$value as $crate::column::Column>::describe(stringify!($field), concat!($($doc),+)));)+
                    columns
                }

                fn to_batch(rows: &[Self]) -> Result<arrow_array::RecordBatch, $crate::RecordsError> {
                    let mut arrays = Vec::new();
                    $(arrays.extend(<$value as $crate::column::Column>::encode(rows.iter().map(|row| &row.$field)));)+
                    arrow_array::RecordBatch::try_new($crate::row::schema(&Self::columns()), arrays).map_err(|error| {
                        $crate::RecordsError::Column { column: stringify!($row).to_owned(), cause: error.to_string() }
                    })
                }

                fn from_batch(batch: &arrow_array::RecordBatch) -> Result<Vec<Self>, $crate::RecordsError> {
                    $(let mut $field = <$value as $crate::column::Column>::decode(stringify!($field), batch)?.into_iter();)+
                    let rows: Option<Vec<Self>> = (0..batch.num_rows())
                        .map(|_| Some(Self { $($field: $field.next()?,)+ }))
                        .collect();
                    rows.ok_or_else(|| $crate::RecordsError::Column {
                        column: stringify!($row).to_owned(),
                        cause: "its columns are not of one length".to_owned(),
                    })
                }

                fn sort(rows: &mut [Self]) {
                    rows.sort_by(|one, two| ($(&one.$key,)+).cmp(&($(&two.$key,)+)));
                }
            }

            impl $row {
                /// What one row is.
                pub const ABOUT: &'static str = concat!($($about),+);
                /// The columns that the rows are sorted by.
                pub const SORTED_BY: &'static [&'static str] = &[$(stringify!($key)),+];
            }
        )+
    };
}
pub(crate) use rows;
