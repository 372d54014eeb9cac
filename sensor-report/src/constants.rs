//! Columns of which the file's own statistics say that all rows hold the same.
//!
//! Hours of coverage are files of one row and some eighty columns: unpacking each column costs more than all
//! the rest, and the footer, which is read anyway, has the row already.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, RecordBatchOptions,
    StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::file::{metadata::ParquetMetaData, statistics::Statistics};

use crate::footer::Wanted;

/// What all rows of a column hold.
enum Value {
    Missing,
    Flag(bool),
    Small(i32),
    Count(i64),
    Real(f64),
    Text(String),
}

/// The columns of a file that need no reading.
pub(crate) struct Constants(Vec<(Wanted, Value)>);

impl Constants {
    /// Finds them among the columns that are wanted.
    pub(crate) fn of(metadata: &ParquetMetaData, wanted: &[Wanted]) -> Self {
        let [group] = metadata.row_groups() else {
            return Self(Vec::new());
        };
        let found = wanted.iter().filter_map(|(number, field)| {
            let chunk = group.columns().get(*number)?;
            let rows = u64::try_from(chunk.num_values()).ok()?;
            let value = value(chunk.statistics()?, rows)?;
            fits(field.data_type(), &value).then(|| ((*number, Arc::clone(field)), value))
        });
        Self(found.collect())
    }

    /// How many these are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a column of the file is one of them.
    pub(crate) fn has(&self, number: usize) -> bool {
        self.0.iter().any(|((found, _), _)| *found == number)
    }

    /// So many rows of these columns alone.
    pub(crate) fn rows(&self, rows: usize) -> Result<RecordBatch, String> {
        let fields: Vec<_> = self.0.iter().map(|((_, field), _)| Arc::clone(field)).collect();
        let columns = self
            .0
            .iter()
            .map(|((_, field), value)| array(field.data_type(), value, rows));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns.collect(), &options)
            .map_err(|error| error.to_string())
    }

    /// Rows that were read, with these columns beside what was read of them.
    pub(crate) fn join(&self, read: &RecordBatch) -> Result<RecordBatch, String> {
        let rows = read.num_rows();
        let mut fields: Vec<Arc<Field>> = read.schema().fields().iter().cloned().collect();
        let mut columns = read.columns().to_vec();
        for ((_, field), value) in &self.0 {
            fields.push(Arc::clone(field));
            columns.push(array(field.data_type(), value, rows));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
            .map_err(|error| error.to_string())
    }
}

/// The value that is least and most at once; the trait that would make this a function is private to its crate.
macro_rules! same {
    ($values:expr) => {
        $values.min_opt().filter(|least| {
            $values.min_is_exact() && $values.max_is_exact() && $values.max_opt() == Some(least)
        })
    };
}

fn value(statistics: &Statistics, rows: u64) -> Option<Value> {
    match statistics.null_count_opt()? {
        0 => {}
        missing if missing == rows => return Some(Value::Missing),
        _ => return None,
    }
    match statistics {
        Statistics::Boolean(values) => same!(values).map(|value| Value::Flag(*value)),
        Statistics::Int32(values) => same!(values).map(|value| Value::Small(*value)),
        Statistics::Int64(values) => same!(values).map(|value| Value::Count(*value)),
        // Two zeros are equal, and one of them is negative: that is read.
        Statistics::Double(values) => same!(values)
            .filter(|value| **value > 0.0)
            .map(|value| Value::Real(*value)),
        Statistics::ByteArray(values) => {
            let text = std::str::from_utf8(same!(values)?.data()).ok()?;
            Some(Value::Text(text.to_owned()))
        }
        _ => None,
    }
}

fn fits(kind: &DataType, value: &Value) -> bool {
    matches!(
        (kind, value),
        (_, Value::Missing)
            | (DataType::Boolean, Value::Flag(_))
            | (DataType::Int32, Value::Small(_))
            | (
                DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _),
                Value::Count(_)
            )
            | (DataType::Float64, Value::Real(_))
            | (DataType::Utf8, Value::Text(_))
    )
}

fn array(kind: &DataType, value: &Value, rows: usize) -> ArrayRef {
    match (kind, value) {
        (_, Value::Missing) => new_null_array(kind, rows),
        (_, Value::Flag(value)) => Arc::new(BooleanArray::from(vec![*value; rows])),
        (_, Value::Small(value)) => Arc::new(Int32Array::from_value(*value, rows)),
        (DataType::Timestamp(_, zone), Value::Count(value)) => {
            Arc::new(TimestampMicrosecondArray::from_value(*value, rows).with_timezone_opt(zone.clone()))
        }
        (_, Value::Count(value)) => Arc::new(Int64Array::from_value(*value, rows)),
        (_, Value::Real(value)) => Arc::new(Float64Array::from_value(*value, rows)),
        (_, Value::Text(value)) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))),
    }
}
