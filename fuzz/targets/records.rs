//! The ring's bytes, whatever they are: every packet that a record claims is counted once in each total.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use sensor_common::{
    record::{Marker, RECORD_BYTES, Record},
    tool::Tool,
};
use teiten::{
    pipeline::{
        PortName, PortTransport,
        arrival::Arrival,
        clock::JiffyClock,
        conservation::{Conservation, Report},
        decode::{Entry, next_entry},
        derive::{Aggregator, Derived},
        ledger::Books,
        snapshot::{Frame, Snapshot},
        totals::KernelTotals,
    },
    region::RegionTable,
};

static REGIONS: LazyLock<Arc<RegionTable>> = LazyLock::new(|| Arc::new(RegionTable::without_database()));

/// Without its 65,536 ports, which have nothing to do with records and would take nearly all the time.
static NOTHING_COUNTED: LazyLock<KernelTotals> = LazyLock::new(|| KernelTotals {
    ports: Vec::new(),
    ..KernelTotals::zero()
});

const TELNET: PortName = PortName {
    transport: PortTransport::Tcp,
    port: 23,
};

fuzz_target!(|bytes: &[u8]| {
    let (records, markers) = decode(bytes);

    let mut conservation = Conservation::default();
    let mut clock = JiffyClock::default();
    let mut aggregator = Aggregator::new(Arc::clone(&REGIONS), &[TELNET]);
    for marker in &markers {
        clock.learn(marker);
        let balance = conservation.marker(marker);
        assert_eq!(balance.read, 0, "no record has been read yet");
    }
    let time = |jiffies| {
        let before = clock.micros_before_last(jiffies).unwrap_or(0);
        1_700_000_000_000_000 - i64::try_from(before).expect("fewer than 2^32 seconds")
    };
    let mut arrivals = Vec::new();
    for record in &records {
        conservation.record(record);
        let (first, last) = (time(record.first_jiffies), time(record.last_jiffies));
        arrivals.push(Arrival::new(*record, first, last));
    }
    aggregator.add_all(&mut arrivals);
    for marker in &markers {
        conservation.marker(marker);
    }

    let claimed: u64 = records.iter().map(|record| u64::from(record.packets)).sum();
    let report = conservation.report();
    assert_eq!(
        (report.read_packets, report.read_records),
        (claimed, records.len() as u64)
    );
    let derived = aggregator.derived();
    assert_eq!(
        (derived.packets, derived.records),
        (claimed, records.len() as u64)
    );
    let by_region: u64 = derived.regions.iter().map(|region| region.packets).sum();
    assert_eq!(by_region, claimed);
    let mirai: u64 = derived.regions.iter().map(|region| region.mirai).sum();
    assert_eq!(mirai, derived.tools.all_of(Tool::Mirai));
    let pairs = &derived.pairs;
    let scans: u64 = pairs.rows.values().map(|pair| pair.packets).sum::<u64>() + pairs.other.packets;
    let watched: u64 = derived.watched.iter().flat_map(|(_, regions)| regions).sum();
    assert!(
        watched <= scans && scans <= claimed,
        "{watched}, {scans}, {claimed}"
    );
    assert!(derived.cells <= records.len() && derived.cells_overflow <= claimed);

    let snapshot = snapshot(report, &derived);
    let text = serde_json::to_string(&snapshot).expect("a snapshot can always be written");
    assert_eq!(serde_json::from_str::<Snapshot>(&text).ok(), Some(snapshot));
});

/// Reads all entries.
fn decode(bytes: &[u8]) -> (Vec<Record>, Vec<Marker>) {
    let (mut records, mut markers) = (Vec::new(), Vec::new());
    let mut rest = bytes;
    while let Some(entry) = next_entry(&mut rest) {
        match entry {
            Entry::Record(record) => records.push(record),
            Entry::Marker(marker) => markers.push(marker),
        }
    }
    assert_eq!(records.len() + markers.len(), bytes.len() / RECORD_BYTES);
    assert_eq!(
        rest.len(),
        bytes.len() % RECORD_BYTES,
        "what is no whole entry stays"
    );
    (records, markers)
}

fn snapshot(report: Report, derived: &Derived) -> Snapshot {
    let frame = Frame {
        sensor: "fuzz",
        from: jiff::Timestamp::default(),
        to: jiff::Timestamp::default(),
        xdp_mode: "replay",
        report,
        lost_queue: (0, 0),
        earlier: Books::default(),
    };
    Snapshot::new(&frame, &NOTHING_COUNTED, derived)
}
