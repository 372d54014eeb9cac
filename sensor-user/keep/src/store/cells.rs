//! Cells of the open hour.

use rusqlite::{Transaction, params};
use sensor_records::rows::CellRow;

use super::{Caps, Filled};

const UPDATE: &str = "UPDATE cells SET packets = packets + ?9, bytes = bytes + ?10 WHERE hour = ?1 AND \
     transport = ?2 AND port = ?3 AND class = ?4 AND source_region = ?5 AND tools = ?6 AND protocol = ?7 AND other = ?8";
const INSERT: &str = "INSERT INTO cells VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// Adds cells; those that find no room go into the rest of their transport and class.
pub(super) fn add(
    transaction: &Transaction<'_>,
    hour: i64,
    cells: &[CellRow],
    filled: &mut Filled,
    caps: &Caps,
) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached(UPDATE)?;
    let mut insert = transaction.prepare_cached(INSERT)?;
    for cell in cells {
        let key = |cell: &CellRow, other: bool| {
            if other {
                (-1, String::new(), -1, -1, true)
            } else {
                (
                    cell.port.unwrap_or(-1),
                    cell.source_region.clone().unwrap_or_default(),
                    cell.tools.unwrap_or(-1),
                    cell.protocol.unwrap_or(-1),
                    false,
                )
            }
        };
        let mut other = cell.other;
        loop {
            let (port, region, tools, protocol, rest) = key(cell, other);
            let values = params![
                hour,
                cell.transport,
                port,
                cell.class,
                region,
                tools,
                protocol,
                rest,
                cell.packets,
                cell.bytes
            ];
            if update.execute(values)? > 0 {
                break;
            }
            if !other && filled.cells >= caps.cells {
                other = true;
                continue;
            }
            insert.execute(values)?;
            filled.cells += i64::from(!other);
            break;
        }
    }
    Ok(())
}
