//! Seeds of records: what the ring holds.

use sensor_common::record::{BATCH_RECORDS, FlowKey, Marker, RECORD_BYTES};

use super::Seed;
use crate::cases::Case;

/// Each flow of the cases alone, then all of them in batches, each with a marker behind it.
pub(super) fn seeds(cases: &[Case]) -> Vec<Seed> {
    let records: Vec<_> = cases
        .iter()
        .filter_map(|case| Some((case.name.clone(), record(case.expected.flow?.key(), 1))))
        .collect();
    let batches = records.chunks(BATCH_RECORDS).zip(1_u32..).map(|(batch, number)| {
        let mut bytes: Vec<u8> = batch.iter().flat_map(|(_, record)| record.clone()).collect();
        bytes.extend(marker(number, batch.len() as u64));
        (format!("batch-{number}"), bytes)
    });
    let batches: Vec<_> = batches.collect();
    records.into_iter().chain(batches).collect()
}

/// A record of the layout in `sensor_common::record`, little-endian as the program writes it.
fn record(key: FlowKey, packets: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(RECORD_BYTES);
    for word in [key.source.high, key.source.low, key.kind] {
        bytes.extend(word.to_le_bytes());
    }
    // Packets, bytes, first and last jiffies.
    for number in [packets, 40 * packets, 1_000, 1_500] {
        bytes.extend(number.to_le_bytes());
    }
    // TTL, flags, window, peer port, CPU.
    bytes.extend([64, 2, 0xff, 0xff, 0x40, 0x9c, 1, 0]);
    bytes.resize(RECORD_BYTES, 1);
    bytes
}

fn marker(sequence: u32, packets: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(RECORD_BYTES);
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    let time = u64::from(sequence) * 1_000_000_000;
    for word in [
        packets,
        Marker::KIND,
        packets,
        0,
        packets,
        time,
        u64::from(sequence) * 250,
    ] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    #[test]
    fn every_seed_is_made_of_whole_entries() {
        let seeds = seeds(&cases::all());
        assert!(seeds.len() > 100);
        for (name, bytes) in seeds {
            assert!(!bytes.is_empty() && bytes.len() % RECORD_BYTES == 0, "{name}");
        }
    }
}
