//! Sketches of the open hour: merged, never added up.

use rusqlite::{OptionalExtension as _, Transaction, params};
use sensor_records::rows::UniqueRow;
use sensor_sketch::Sketch;

use super::{Caps, Filled};
use crate::KeepError;

const FIND: &str = "SELECT sketch FROM uniques WHERE hour = ?1 AND dimension = ?2 AND transport = ?3 AND port = ?4 \
     AND source_region = ?5 AND tool = ?6 AND other = ?7 AND family = ?8 AND key_id = ?9";
const REPLACE: &str = "INSERT OR REPLACE INTO uniques VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// Merges sketches into the hour's. How many went into the rest of their dimension.
pub(super) fn add(
    transaction: &Transaction<'_>,
    hour: i64,
    uniques: &[UniqueRow],
    filled: &mut Filled,
    caps: &Caps,
    failed: &impl Fn(rusqlite::Error) -> KeepError,
) -> Result<i64, KeepError> {
    let mut find = transaction.prepare_cached(FIND).map_err(failed)?;
    let mut replace = transaction.prepare_cached(REPLACE).map_err(failed)?;
    let mut overflow = 0;
    for row in uniques {
        let mut other = row.other;
        loop {
            let (transport, port, region, tool) = if other {
                ("", -1, "", "")
            } else {
                (
                    row.transport.as_deref().unwrap_or_default(),
                    row.port.unwrap_or(-1),
                    row.source_region.as_deref().unwrap_or_default(),
                    row.tool.as_deref().unwrap_or_default(),
                )
            };
            let key = params![
                hour,
                row.dimension,
                transport,
                port,
                region,
                tool,
                other,
                row.family,
                row.key_id
            ];
            let found: Option<Vec<u8>> = find
                .query_row(key, |found| found.get(0))
                .optional()
                .map_err(failed)?;
            if found.is_none() && !other {
                if filled.uniques >= caps.uniques {
                    other = true;
                    overflow += 1;
                    continue;
                }
                filled.uniques += 1;
            }
            let sketch = match found {
                // Most dimensions have nobody new since the last time.
                Some(found) if found == row.sketch => break,
                Some(found) => Sketch::from_bytes(&found)?
                    .merged(&Sketch::from_bytes(&row.sketch)?)?
                    .to_bytes(),
                None => row.sketch.clone(),
            };
            replace
                .execute(params![
                    hour,
                    row.dimension,
                    transport,
                    port,
                    region,
                    tool,
                    other,
                    row.family,
                    row.key_id,
                    sketch
                ])
                .map_err(failed)?;
            break;
        }
    }
    Ok(overflow)
}
