//! Functions for columns of sketches: `sketch_estimate`, `sketch_merge`, `sketch_distinct`, `sketch_without`.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Float64Array, cast::AsArray as _};
use datafusion::{
    arrow::{compute::cast, datatypes::DataType},
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{Accumulator, ColumnarValue, Volatility, create_udaf, create_udf},
    prelude::SessionContext,
};
use sensor_sketch::Sketch;

/// Makes the functions known.
pub(super) fn register(context: &SessionContext) {
    context.register_udf(create_udf(
        "sketch_estimate",
        vec![DataType::Binary],
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(|arguments| {
            let [sketches] = arrays(arguments)?;
            let estimates = read(&sketches)?
                .into_iter()
                .map(|sketch| sketch.map(|sketch| sketch.estimate()));
            Ok(ColumnarValue::Array(Arc::new(
                estimates.collect::<Float64Array>(),
            )))
        }),
    ));
    context.register_udf(create_udf(
        "sketch_without",
        vec![DataType::Binary, DataType::Binary],
        DataType::Binary,
        Volatility::Immutable,
        Arc::new(|arguments| {
            let [sketches, others] = arrays(arguments)?;
            let pairs = read(&sketches)?.into_iter().zip(read(&others)?);
            let differences: Vec<_> = pairs.map(without).collect::<Result<_>>()?;
            let bytes = differences.iter().map(Option::as_deref);
            Ok(ColumnarValue::Array(Arc::new(bytes.collect::<BinaryArray>())))
        }),
    ));
    for (name, gives, estimates) in [
        ("sketch_merge", DataType::Binary, false),
        ("sketch_distinct", DataType::Float64, true),
    ] {
        context.register_udaf(create_udaf(
            name,
            vec![DataType::Binary],
            Arc::new(gives),
            Volatility::Immutable,
            Arc::new(move |_| {
                Ok(Box::new(Merging {
                    merged: None,
                    estimates,
                }))
            }),
            Arc::new(vec![DataType::Binary]),
        ));
    }
}

fn failed(error: impl std::fmt::Display) -> DataFusionError {
    DataFusionError::Execution(error.to_string())
}

/// The arguments of a call as arrays of one length.
fn arrays<const N: usize>(arguments: &[ColumnarValue]) -> Result<[ArrayRef; N]> {
    ColumnarValue::values_to_arrays(arguments)?
        .try_into()
        .map_err(|_| failed("another number of arguments was expected"))
}

/// Sketches of a column; missing ones stay missing.
fn read(array: &ArrayRef) -> Result<Vec<Option<Sketch>>> {
    let array = cast(array, &DataType::Binary)?;
    let sketch = |bytes: &[u8]| Sketch::from_bytes(bytes).map_err(failed);
    array
        .as_binary::<i32>()
        .iter()
        .map(|bytes| bytes.map(sketch).transpose())
        .collect()
}

fn without((one, other): (Option<Sketch>, Option<Sketch>)) -> Result<Option<Vec<u8>>> {
    match (one, other) {
        (Some(Sketch::Set(one)), Some(Sketch::Set(other))) => Ok(Some(one.without(&other).to_bytes())),
        (Some(Sketch::Set(one)), None) => Ok(Some(one.to_bytes())),
        (None, _) => Ok(None),
        _ => Err(failed(
            "only sketches of the family theta can be subtracted: add `WHERE family = 'theta'`",
        )),
    }
}

/// Merges the sketches of a group.
#[derive(Debug)]
struct Merging {
    merged: Option<Sketch>,
    estimates: bool,
}

impl Merging {
    fn add(&mut self, array: &ArrayRef) -> Result<()> {
        for sketch in read(array)?.into_iter().flatten() {
            self.merged = Some(match self.merged.take() {
                Some(merged) => merged.merged(&sketch).map_err(failed)?,
                None => sketch,
            });
        }
        Ok(())
    }

    fn bytes(&self) -> ScalarValue {
        ScalarValue::Binary(self.merged.as_ref().map(Sketch::to_bytes))
    }
}

impl Accumulator for Merging {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values.iter().try_for_each(|array| self.add(array))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(if self.estimates {
            ScalarValue::Float64(self.merged.as_ref().map(Sketch::estimate))
        } else {
            self.bytes()
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.bytes()])
    }

    fn size(&self) -> usize {
        /// A sketch with all its registers.
        const FULL: usize = 1 << 18;
        size_of_val(self) + if self.merged.is_some() { FULL } else { 0 }
    }
}
