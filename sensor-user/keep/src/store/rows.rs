//! The open hour as rows of its tables.

use std::collections::HashMap;

use rusqlite::{Row, params};
use sensor_records::{
    Micros,
    rows::{CellRow, SourceRow, UniqueRow},
};
use sensor_sketch::Sketch;

use super::{Store, failed, sources::NOT_ALL};
use crate::KeepError;

/// What tells one cell from another.
type CellKey = (String, i32, String, String, i32, i32);

/// What tells one folded row from another: source, transport, class.
type FoldedKey = (String, String, String);

fn present(number: i32) -> Option<i32> {
    (number >= 0).then_some(number)
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl Store {
    fn collect<T>(
        &self,
        query: &str,
        hour: i64,
        make: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, KeepError> {
        let failed = failed("read", &self.path);
        let mut statement = self.connection.prepare_cached(query).map_err(&failed)?;
        let rows = statement.query_map(params![hour], make).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The cells of an hour.
    pub fn cells(&self, hour: i64) -> Result<Vec<CellRow>, KeepError> {
        let largest: HashMap<CellKey, i64> = self
            .collect(
                "SELECT transport, port, class, source_region, tools_key, protocol, max(packets) FROM sources \
                 WHERE hour = ?1 AND kind = 0 GROUP BY 1, 2, 3, 4, 5, 6",
                hour,
                |row| {
                    let key = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
                    Ok((key, row.get(6)?))
                },
            )?
            .into_iter()
            .collect();
        self.collect(
            "SELECT transport, port, class, source_region, tools, protocol, other, packets, bytes FROM cells \
             WHERE hour = ?1",
            hour,
            |row| {
                let key: CellKey = (
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                );
                let largest_source_packets = largest.get(&key).copied();
                let (transport, port, class, region, tools, protocol) = key;
                Ok(CellRow {
                    hour: Micros::from_seconds(hour),
                    transport,
                    protocol: present(protocol),
                    port: present(port),
                    class,
                    source_region: filled(region),
                    tools: present(tools),
                    other: row.get(6)?,
                    packets: row.get(7)?,
                    bytes: row.get(8)?,
                    largest_source_packets,
                })
            },
        )
    }

    /// The sources of an hour.
    pub fn sources(&self, hour: i64) -> Result<Vec<SourceRow>, KeepError> {
        let ports = self.folded_ports(hour)?;
        self.collect(
            "SELECT source, kind, transport, port, class, protocol, source_region, tools, packets, bytes, first_seen, \
             last_seen, first_destination, first_peer_port, first_ttl, first_window, tcp_flags, destination_bits, \
             peer_port_bits FROM sources WHERE hour = ?1",
            hour,
            |row| {
                let source: String = row.get(0)?;
                let kind: i32 = row.get(1)?;
                let (transport, class): (String, String) = (row.get(2)?, row.get(4)?);
                let folded = kind == 1;
                let key = (source, transport, class);
                let ports = ports.get(&key).copied().flatten().filter(|_| folded);
                let (source, transport, class) = key;
                Ok(SourceRow {
                    hour: Micros::from_seconds(hour),
                    source: filled(source),
                    source_region: filled(row.get(6)?),
                    transport,
                    protocol: present(row.get(5)?),
                    port: present(row.get(3)?),
                    class,
                    tools: (kind != 2).then_some(row.get(7)?),
                    folded,
                    ports,
                    other: kind == 2,
                    packets: row.get(8)?,
                    bytes: row.get(9)?,
                    first_seen: Micros(row.get(10)?),
                    last_seen: Micros(row.get(11)?),
                    first_destination: row.get(12)?,
                    first_peer_port: row.get(13)?,
                    first_ttl: row.get(14)?,
                    first_window: row.get(15)?,
                    tcp_flags: row.get(16)?,
                    destination_bits: row.get(17)?,
                    peer_port_bits: row.get(18)?,
                })
            },
        )
    }

    /// How many ports each folded row has; `None` where not all are remembered.
    fn folded_ports(&self, hour: i64) -> Result<HashMap<FoldedKey, Option<i64>>, KeepError> {
        let counted = self.collect(
            "SELECT source, transport, class, min(port), count(*) FROM folded_ports WHERE hour = ?1 GROUP BY 1, 2, 3",
            hour,
            |row| {
                let least: i32 = row.get(3)?;
                let count: i64 = row.get(4)?;
                let key = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((key, (least != NOT_ALL).then_some(count)))
            },
        )?;
        Ok(counted.into_iter().collect())
    }

    /// The sketches of an hour; one that is damaged is left out, and said.
    pub fn uniques(&self, hour: i64) -> Result<Vec<UniqueRow>, KeepError> {
        let rows = self.collect(
            "SELECT dimension, transport, port, source_region, tool, other, family, key_id, sketch FROM uniques \
             WHERE hour = ?1",
            hour,
            |row| {
                Ok(UniqueRow {
                    hour: Micros::from_seconds(hour),
                    dimension: row.get(0)?,
                    transport: filled(row.get(1)?),
                    port: present(row.get(2)?),
                    source_region: filled(row.get(3)?),
                    tool: filled(row.get(4)?),
                    other: row.get(5)?,
                    family: row.get(6)?,
                    key_id: row.get(7)?,
                    sketch: row.get(8)?,
                    estimate: 0.0,
                })
            },
        )?;
        let estimated = rows.into_iter().filter_map(|mut row| match Sketch::from_bytes(&row.sketch) {
            Ok(sketch) => {
                row.estimate = sketch.estimate();
                Some(row)
            }
            Err(error) => {
                tracing::error!(dimension = row.dimension, %error, "a sketch of the open hour is damaged and left out");
                None
            }
        });
        Ok(estimated.collect())
    }
}
