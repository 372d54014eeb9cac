//! How a value of Rust stands in a column of Arrow, and comes back.

use std::sync::Arc;

use arrow_array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, cast::AsArray as _, types,
};
use arrow_schema::{DataType, TimeUnit};
use sensor_common::Outcome;

use crate::RecordsError;

/// A column as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDescription {
    /// Its name.
    pub name: String,
    /// What stands in it, with units.
    pub documentation: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether a value may be missing.
    pub nullable: bool,
}

/// A time in microseconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// From whole seconds since 1970.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }
}

/// Packets by outcome, in the order of their numbers; one column each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes(pub [i64; Outcome::COUNT]);

impl Default for Outcomes {
    fn default() -> Self {
        Self([0; Outcome::COUNT])
    }
}

/// A value that stands in one column, or in several.
pub(crate) trait Column: Sized {
    fn describe(name: &str, documentation: &str) -> Vec<ColumnDescription>;
    fn encode<'a>(values: impl Iterator<Item = &'a Self> + Clone) -> Vec<ArrayRef>
    where
        Self: 'a;
    fn decode(name: &str, batch: &RecordBatch) -> Result<Vec<Self>, RecordsError>;
}

fn one(name: &str, documentation: &str, data_type: DataType, nullable: bool) -> Vec<ColumnDescription> {
    vec![ColumnDescription {
        name: name.to_owned(),
        documentation: documentation.trim().to_owned(),
        data_type,
        nullable,
    }]
}

/// The column with a name and a type.
fn find<'a>(name: &str, wanted: &DataType, batch: &'a RecordBatch) -> Result<&'a ArrayRef, RecordsError> {
    let broken = |cause| RecordsError::Column {
        column: name.to_owned(),
        cause,
    };
    let array = batch
        .column_by_name(name)
        .ok_or_else(|| broken("it is missing".to_owned()))?;
    if array.data_type() == wanted {
        Ok(array)
    } else {
        Err(broken(format!("it is {}, not {wanted}", array.data_type())))
    }
}

fn whole<T>(name: &str, values: impl Iterator<Item = Option<T>>) -> Result<Vec<T>, RecordsError> {
    values
        .collect::<Option<Vec<T>>>()
        .ok_or_else(|| RecordsError::Column {
            column: name.to_owned(),
            cause: "a value is missing".to_owned(),
        })
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A type, and the same with missing values.
macro_rules! columns {
    ($($value:ty, $data_type:expr, $make:expr, $read:expr;)+) => {
        $(
            impl Column for $value {
                fn describe(name: &str, documentation: &str) -> Vec<ColumnDescription> {
                    one(name, documentation, $data_type, false)
                }

                fn encode<'a>(values: impl Iterator<Item = &'a Self> + Clone) -> Vec<ArrayRef>
                where
                    Self: 'a,
                {
                    let make: fn(Vec<Option<&Self>>) -> ArrayRef = $make;
                    vec![make(values.map(Some).collect())]
                }

                fn decode(name: &str, batch: &RecordBatch) -> Result<Vec<Self>, RecordsError> {
                    let read: fn(&ArrayRef) -> Vec<Option<Self>> = $read;
                    whole(name, read(find(name, &$data_type, batch)?).into_iter())
                }
            }

            impl Column for Option<$value> {
                fn describe(name: &str, documentation: &str) -> Vec<ColumnDescription> {
                    one(name, documentation, $data_type, true)
                }

                fn encode<'a>(values: impl Iterator<Item = &'a Self> + Clone) -> Vec<ArrayRef>
                where
                    Self: 'a,
                {
                    let make: fn(Vec<Option<&$value>>) -> ArrayRef = $make;
                    vec![make(values.map(Option::as_ref).collect())]
                }

                fn decode(name: &str, batch: &RecordBatch) -> Result<Vec<Self>, RecordsError> {
                    // A column that came later is missing in the files before.
                    if batch.column_by_name(name).is_none() {
                        return Ok(vec![None; batch.num_rows()]);
                    }
                    let read: fn(&ArrayRef) -> Vec<Option<$value>> = $read;
                    Ok(read(find(name, &$data_type, batch)?))
                }
            }
        )+
    };
}

columns! {
    i32, DataType::Int32,
        |values| Arc::new(values.into_iter().map(Option::<&i32>::copied).collect::<Int32Array>()),
        |array| array.as_primitive::<types::Int32Type>().iter().collect();
    i64, DataType::Int64,
        |values| Arc::new(values.into_iter().map(Option::<&i64>::copied).collect::<Int64Array>()),
        |array| array.as_primitive::<types::Int64Type>().iter().collect();
    f64, DataType::Float64,
        |values| Arc::new(values.into_iter().map(Option::<&f64>::copied).collect::<Float64Array>()),
        |array| array.as_primitive::<types::Float64Type>().iter().collect();
    bool, DataType::Boolean,
        |values| Arc::new(values.into_iter().map(Option::<&bool>::copied).collect::<BooleanArray>()),
        |array| array.as_boolean().iter().collect();
    String, DataType::Utf8,
        |values| Arc::new(values.into_iter().collect::<StringArray>()),
        |array| array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect();
    Vec<u8>, DataType::Binary,
        |values| Arc::new(values.into_iter().collect::<BinaryArray>()),
        |array| array.as_binary::<i32>().iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect();
    Micros, time_type(),
        |values| {
            let times = values.into_iter().map(|time: Option<&Micros>| time.map(|time| time.0));
            Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        },
        |array| {
            let times = array.as_primitive::<types::TimestampMicrosecondType>();
            times.iter().map(|time| time.map(Micros)).collect()
        };
}

impl Column for Outcomes {
    fn describe(name: &str, documentation: &str) -> Vec<ColumnDescription> {
        let describe = |outcome: Outcome| {
            one(
                &format!("{name}_{}", outcome.name()),
                &format!("{} `{}`.", documentation.trim(), outcome.name()),
                DataType::Int64,
                // A column that came later is missing in the files before.
                true,
            )
        };
        Outcome::ALL.into_iter().flat_map(describe).collect()
    }

    fn encode<'a>(values: impl Iterator<Item = &'a Self> + Clone) -> Vec<ArrayRef>
    where
        Self: 'a,
    {
        (0..Outcome::COUNT)
            .map(|place| {
                Arc::new(
                    values
                        .clone()
                        .map(|outcomes| outcomes.0[place])
                        .collect::<Int64Array>(),
                ) as ArrayRef
            })
            .collect()
    }

    fn decode(name: &str, batch: &RecordBatch) -> Result<Vec<Self>, RecordsError> {
        let mut rows = vec![Self::default(); batch.num_rows()];
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            let name = format!("{name}_{}", outcome.name());
            if batch.column_by_name(&name).is_none() {
                continue;
            }
            let values = Option::<i64>::decode(&name, batch)?;
            for (row, value) in rows.iter_mut().zip(values) {
                row.0[place] = value.unwrap_or(0);
            }
        }
        Ok(rows)
    }
}
