//! What sources did: scans and their kind, and the victims whose answers reach the telescope.
//!
//! Events are made of rows that are an hour, a source and a service port each, so every figure here is one that the rows
//! prove: *at least* so many destinations and ports, a rate over the whole time. Thresholds are the field's, and are met
//! only where they are met for sure; events may be missed, none is made up.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::Serialize;

/// Distinct destinations from which on a source scans (Merit's darknet events).
pub const SCAN_DESTINATIONS: u32 = 10;
/// Microseconds of silence after which a source's next packet begins another event (Merit: 624 s).
pub const SCAN_SILENCE: i64 = 624_000_000;
/// Distinct ports beyond which a scan is vertical (JPCERT/CC: over 10 ports).
pub const SCAN_PORTS: usize = 10;
/// The part of the watched addresses from which on a scanner is called aggressive (Merit: a tenth).
pub const AGGRESSIVE_COVERAGE: f64 = 0.1;
/// Packets, microseconds and packets a minute of a victim (CAIDA's: Moore, Voelker, Savage, *Inferring Internet
/// denial-of-service activity*, 2001).
pub const VICTIM_PACKETS: u64 = 25;
/// See [`VICTIM_PACKETS`].
pub const VICTIM_DURATION: i64 = 60_000_000;
/// See [`VICTIM_PACKETS`].
pub const VICTIM_PACKETS_A_MINUTE: u64 = 30;
/// Microseconds of silence after which a victim is attacked anew (the same study: 300 s).
pub const VICTIM_SILENCE: i64 = 300_000_000;

/// What one source sent to one service port, with one set of marks, within some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The sender.
    pub source: IpAddr,
    /// Its region, ISO 3166-1 alpha-2.
    pub region: String,
    /// Number of its autonomous system, where it is known.
    pub system: Option<u32>,
    /// `tcp`, `udp`, `icmp` and so on.
    pub transport: String,
    /// The service port; `None` where the row is of several.
    pub port: Option<u16>,
    /// Distinct ports of a row of several, where they were counted.
    pub folded_ports: Option<u64>,
    /// `scan`, `backscatter` or `other`.
    pub class: String,
    /// Names of the marks.
    pub tools: Vec<String>,
    /// Packets.
    pub packets: u64,
    /// First and last packet, microseconds since 1970.
    pub first: i64,
    /// See `first`.
    pub last: i64,
    /// The first packet's other port: of scans the source port, of backscatter the destination port.
    pub peer_port: Option<u16>,
    /// Which of 64 classes the destinations fell in.
    pub destination_bits: u64,
}

/// How a source scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Many addresses.
    Horizontal,
    /// Many ports.
    Vertical,
    /// Both.
    Both,
}

/// A scan by one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scan {
    /// Who.
    pub source: IpAddr,
    /// How.
    pub kind: Kind,
    /// First and last packet, microseconds since 1970.
    pub first: i64,
    /// See `first`.
    pub last: i64,
    /// From the first packet to the last, in microseconds.
    pub duration: i64,
    /// Packets.
    pub packets: u64,
    /// Distinct ports, at least.
    pub ports: usize,
    /// Services that were asked for: transport and port, those of folded rows left out.
    pub services: BTreeSet<(String, u16)>,
    /// Distinct destinations, at least; never more than 64.
    pub destinations: u32,
    /// How many destinations there were by linear counting (Whang, Vander-Zanden, Taylor: *A linear-time probabilistic
    /// counting algorithm for database applications*, 1990); `None` past some 250, where it can say no more.
    pub estimated_destinations: Option<f64>,
    /// The part of the watched addresses that was scanned, at least; `None` over IPv6, and where nobody said how many are
    /// watched.
    pub coverage: Option<f64>,
    /// Whether that is as much as [`AGGRESSIVE_COVERAGE`] for sure.
    pub aggressive: bool,
    /// Names of the marks.
    pub tools: BTreeSet<String>,
}

/// A host whose answers to forged packets reach the telescope: it is attacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Victim {
    /// Who.
    pub address: IpAddr,
    /// First and last packet, microseconds since 1970.
    pub first: i64,
    /// See `first`.
    pub last: i64,
    /// From the first packet to the last, in microseconds.
    pub duration: i64,
    /// Packets that reached the telescope.
    pub packets: u64,
    /// The attacked services: transport and port.
    pub services: BTreeSet<(String, Option<u16>)>,
}

/// The scans in rows of any order; `watched` is the number of watched IPv4 addresses, where it is known.
#[must_use]
pub fn scans(sightings: &[Sighting], watched: Option<u64>) -> Vec<Scan> {
    runs(sightings, "scan", SCAN_SILENCE)
        .into_iter()
        .filter_map(|run| scan(&run, watched))
        .collect()
}

fn scan(run: &[&Sighting], watched: Option<u64>) -> Option<Scan> {
    let bits = run
        .iter()
        .fold(0, |bits, sighting| bits | sighting.destination_bits);
    let destinations = bits.count_ones();
    let services: BTreeSet<_> = run
        .iter()
        .filter_map(|sighting| Some((sighting.transport.clone(), sighting.port?)))
        .collect();
    // Ports of a folded row may be those of the others: the larger number is certain, the sum is not.
    let folded = run
        .iter()
        .filter_map(|sighting| sighting.folded_ports)
        .max()
        .unwrap_or(0);
    let ports = services.len().max(usize::try_from(folded).unwrap_or(usize::MAX));
    let kind = match (destinations >= SCAN_DESTINATIONS, ports > SCAN_PORTS) {
        (true, true) => Kind::Both,
        (true, false) => Kind::Horizontal,
        (false, true) => Kind::Vertical,
        (false, false) => return None,
    };
    let (first, last, packets) = extent(run);
    let source = run.first()?.source;
    let coverage = coverage(destinations, watched.filter(|_| source.is_ipv4()));
    Some(Scan {
        source,
        kind,
        first,
        last,
        duration: last - first,
        packets,
        ports,
        services,
        destinations,
        estimated_destinations: linear_counting(bits),
        coverage,
        aggressive: coverage.is_some_and(|part| part >= AGGRESSIVE_COVERAGE),
        tools: run
            .iter()
            .flat_map(|sighting| sighting.tools.iter().cloned())
            .collect(),
    })
}

/// Destinations that no bit was set by cannot be: so this is a lower bound, from 0 to 1.
fn coverage(destinations: u32, watched: Option<u64>) -> Option<f64> {
    let watched = u32::try_from(watched?).ok().filter(|count| *count > 0)?;
    Some(f64::from(destinations) / f64::from(watched))
}

fn linear_counting(bits: u64) -> Option<f64> {
    let empty = bits.count_zeros();
    (empty > 0).then(|| -64.0 * (f64::from(empty) / 64.0).ln())
}

/// The victims in rows of any order.
#[must_use]
pub fn victims(sightings: &[Sighting]) -> Vec<Victim> {
    runs(sightings, "backscatter", VICTIM_SILENCE)
        .into_iter()
        .filter_map(|run| victim(&run))
        .collect()
}

fn victim(run: &[&Sighting]) -> Option<Victim> {
    let (first, last, packets) = extent(run);
    // The busiest minute of a row has at least its mean.
    let is_busy = run.iter().any(|sighting| {
        let micros = u64::try_from(sighting.last - sighting.first)
            .unwrap_or(0)
            .max(60_000_000);
        sighting.packets.saturating_mul(60_000_000) >= VICTIM_PACKETS_A_MINUTE.saturating_mul(micros)
    });
    (packets >= VICTIM_PACKETS && last - first >= VICTIM_DURATION && is_busy).then(|| Victim {
        address: run[0].source,
        first,
        last,
        duration: last - first,
        packets,
        services: run
            .iter()
            .map(|sighting| (sighting.transport.clone(), sighting.port))
            .collect(),
    })
}

fn extent(run: &[&Sighting]) -> (i64, i64, u64) {
    let first = run.iter().map(|sighting| sighting.first).min().unwrap_or(0);
    let last = run.iter().map(|sighting| sighting.last).max().unwrap_or(0);
    (first, last, run.iter().map(|sighting| sighting.packets).sum())
}

/// The rows of a class by source, cut where nothing came for so long.
fn runs<'a>(sightings: &'a [Sighting], class: &str, silence: i64) -> Vec<Vec<&'a Sighting>> {
    let mut by_source: BTreeMap<IpAddr, Vec<&Sighting>> = BTreeMap::new();
    for sighting in sightings.iter().filter(|sighting| sighting.class == class) {
        by_source.entry(sighting.source).or_default().push(sighting);
    }
    let mut runs = Vec::new();
    for (_, mut rows) in by_source {
        rows.sort_by_key(|sighting| (sighting.first, sighting.last));
        let (mut run, mut last): (Vec<&Sighting>, i64) = (Vec::new(), i64::MIN);
        for row in rows {
            if !run.is_empty() && row.first.saturating_sub(last) > silence {
                runs.push(std::mem::take(&mut run));
            }
            last = last.max(row.last);
            run.push(row);
        }
        runs.push(run);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn row(source: u8, port: u16, bits: u64, packets: u64, seconds: (i64, i64)) -> Sighting {
        Sighting {
            source: IpAddr::from([192, 0, 2, source]),
            region: "JP".to_owned(),
            system: None,
            transport: "tcp".to_owned(),
            port: Some(port),
            folded_ports: None,
            class: "scan".to_owned(),
            tools: vec!["mirai".to_owned()],
            packets,
            first: seconds.0 * SECOND,
            last: seconds.1 * SECOND,
            peer_port: None,
            destination_bits: bits,
        }
    }

    #[test]
    fn scans_are_told_by_destinations_and_ports_at_the_fields_thresholds() {
        let ports = |count: u16, bits| {
            (0..count)
                .map(move |port| row(1, port, bits, 1, (0, 1)))
                .collect::<Vec<_>>()
        };
        for (rows, kind) in [
            (
                vec![row(1, 23, (1 << 10) - 1, 10, (0, 1))],
                Some(Kind::Horizontal),
            ),
            (vec![row(1, 23, (1 << 9) - 1, 500, (0, 1))], None),
            (ports(11, 1), Some(Kind::Vertical)),
            (ports(10, 1), None),
            (ports(11, u64::MAX), Some(Kind::Both)),
        ] {
            assert_eq!(scans(&rows, None).first().map(|scan| scan.kind), kind, "{rows:?}");
        }
    }

    #[test]
    fn silence_parts_two_scans_and_destinations_of_one_are_those_of_all_its_rows() {
        let first = (1 << 6) - 1;
        let second = first << 6;
        let rows = [
            row(1, 23, first, 6, (0, 10)),
            row(1, 2323, second, 6, (634, 640)),
            row(1, 23, first | second, 12, (640 + 625, 1_300)),
            row(2, 23, first, 6, (0, 10)),
        ];
        let found = scans(&rows, Some(256));
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            (found[0].packets, found[0].destinations, found[0].ports),
            (12, 12, 2)
        );
        assert_eq!((found[0].first, found[0].last), (0, 640 * SECOND));
        assert_eq!(found[1].packets, 12);
        assert_eq!(found[0].duration, 640 * SECOND);
        assert!((found[0].coverage.unwrap() - 12.0 / 256.0).abs() < 1e-12);
    }

    #[test]
    fn coverage_is_what_the_rows_prove_of_the_watched_addresses() {
        for (bits, watched, coverage, aggressive) in [
            ((1 << 26) - 1, Some(260), Some(0.1), true),
            ((1 << 25) - 1, Some(260), Some(25.0 / 260.0), false),
            (u64::MAX, Some(65_536), Some(64.0 / 65_536.0), false),
            (u64::MAX, None, None, false),
            (u64::MAX, Some(0), None, false),
        ] {
            let found = scans(&[row(1, 23, bits, 500, (0, 1))], watched);
            assert_eq!((found[0].coverage, found[0].aggressive), (coverage, aggressive));
        }
    }

    #[test]
    fn coverage_over_ipv6_is_not_told() {
        let rows = [Sighting {
            source: "2001:db8::1".parse().unwrap(),
            ..row(1, 23, u64::MAX, 500, (0, 1))
        }];
        assert_eq!(scans(&rows, Some(256))[0].coverage, None);
    }

    #[test]
    fn destinations_are_estimated_until_every_bit_is_set() {
        // 64 ln 2, and 64 ln 64.
        for (bits, estimate) in [
            (u64::from(u32::MAX), Some(44.361_4)),
            (u64::MAX >> 1, Some(266.168_5)),
            (u64::MAX, None),
        ] {
            let found = scans(&[row(1, 23, bits, 500, (0, 1))], None);
            match (found[0].estimated_destinations, estimate) {
                (Some(found), Some(known)) => assert!((found - known).abs() < 1e-3, "{found} {known}"),
                (found, known) => assert_eq!(found, known),
            }
        }
    }

    #[test]
    fn victims_meet_all_three_thresholds() {
        let backscatter = |packets, seconds| {
            let mut row = row(1, 80, 1, packets, (0, seconds));
            row.class = "backscatter".to_owned();
            row
        };
        for (packets, seconds, is_victim) in [
            (30, 60, true),
            (29, 60, false),
            (24, 60, false),
            (30, 59, false),
            (60, 120, true),
            (59, 120, false),
            (100_000, 3_600, true),
        ] {
            let found = victims(&[backscatter(packets, seconds)]);
            assert_eq!(found.len(), usize::from(is_victim), "{packets} in {seconds} s");
        }
        assert!(
            victims(&[row(1, 80, 1, 1_000, (0, 60))]).is_empty(),
            "scans make no victims"
        );
    }
}
