//! What scans look like when nothing happens: which ports, from which regions, how much of each.
//!
//! The first ports and regions are those of JPCERT/CC's report on the last quarter of 2022 and of NICTER's on the same
//! year, in about their order. All other ports together have a fifth of the packets, by Zipf's law. The rate of an
//! address is NICTER's for 2022: 1.83 million packets a year, some 209 an hour.

use std::collections::BTreeMap;

use crate::draw;

/// Packets an hour that one address gets at scale 1.
pub(crate) const PACKETS_AN_HOUR: f64 = 209.0;

/// Scans of one port from one region with or without a mark.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stream {
    pub(crate) transport: &'static str,
    pub(crate) protocol: i32,
    pub(crate) port: i32,
    pub(crate) class: &'static str,
    pub(crate) region: &'static str,
    pub(crate) tools: i32,
    /// Packets an hour and address.
    pub(crate) rate: f64,
}

/// The bit of the Mirai mark in a cell's tools.
pub(crate) const MIRAI: i32 = 1;

/// Weights of ports among the named ones.
const PORTS: [(&str, i32, f64); 30] = [
    ("tcp", 23, 190.0),
    ("tcp", 6379, 100.0),
    ("tcp", 22, 62.0),
    ("tcp", 80, 56.0),
    ("tcp", 445, 50.0),
    ("tcp", 8080, 40.0),
    ("tcp", 3389, 34.0),
    ("tcp", 1433, 28.0),
    ("tcp", 443, 26.0),
    ("udp", 5060, 22.0),
    ("tcp", 5555, 17.0),
    ("icmp", 2048, 16.0),
    ("tcp", 2323, 15.0),
    ("tcp", 8443, 13.0),
    ("udp", 123, 12.0),
    ("udp", 53, 11.0),
    ("tcp", 81, 10.0),
    ("tcp", 37215, 10.0),
    ("tcp", 60023, 9.0),
    ("udp", 1900, 8.0),
    ("tcp", 5432, 7.5),
    ("tcp", 3306, 7.0),
    ("tcp", 21, 6.5),
    ("tcp", 25, 6.0),
    ("tcp", 8088, 5.5),
    ("tcp", 7547, 5.0),
    ("tcp", 5900, 4.6),
    ("tcp", 9200, 4.2),
    ("udp", 161, 4.0),
    ("tcp", 2375, 3.6),
];

/// Weights of regions. The fifth and the sixth are near each other, so that a change of the fifth is a change of rank.
const REGIONS: [(&str, f64); 24] = [
    ("US", 300.0),
    ("RU", 150.0),
    ("GB", 120.0),
    ("CN", 100.0),
    ("KR", 64.0),
    ("BG", 56.0),
    ("NL", 44.0),
    ("DE", 36.0),
    ("TW", 30.0),
    ("BR", 26.0),
    ("IN", 24.0),
    ("SG", 22.0),
    ("JP", 20.0),
    ("VN", 18.0),
    ("HK", 15.0),
    ("FR", 13.0),
    ("CA", 11.0),
    ("ID", 9.0),
    ("TH", 8.0),
    ("UA", 7.0),
    ("IR", 6.0),
    ("MX", 5.0),
    ("TR", 5.0),
    ("ZZ", 3.0),
];

/// Ports whose scans carry the Mirai mark, and how many of them do.
const MARKED: [(i32, f64); 5] = [(23, 0.45), (2323, 0.7), (37215, 0.8), (60023, 0.9), (5555, 0.15)];
/// The part of 445/TCP in the packets from Korea: most, as in the report on the third quarter of 2012.
const KOREA_445: f64 = 0.55;
/// The part of all ports that have no name here, and from how many regions each is scanned.
const REST: f64 = 0.2;
const REST_REGIONS: usize = 3;

/// Every stream; `ports` is how many ports there are beside the named ones.
pub(crate) fn streams(seed: u64, ports: u64) -> Vec<Stream> {
    let mut streams = Vec::new();
    named(seed, &mut streams);
    unnamed(seed, ports, &mut streams);
    backscatter(&mut streams);
    merged(streams)
}

/// One stream for each cell.
fn merged(streams: Vec<Stream>) -> Vec<Stream> {
    let mut cells: BTreeMap<_, Stream> = BTreeMap::new();
    for stream in streams {
        let key = (
            stream.transport,
            stream.port,
            stream.class,
            stream.region,
            stream.tools,
        );
        cells
            .entry(key)
            .and_modify(|cell| cell.rate += stream.rate)
            .or_insert(stream);
    }
    cells.into_values().collect()
}

fn named(seed: u64, streams: &mut Vec<Stream>) {
    let port_sum: f64 = PORTS.iter().map(|port| port.2).sum();
    let region_sum: f64 = REGIONS.iter().map(|region| region.1).sum();
    for (number, (region, region_weight)) in (0..).zip(REGIONS) {
        let budget = PACKETS_AN_HOUR * (1.0 - REST) * region_weight / region_sum;
        // Every region likes other ports: a factor between a third and three, the same for all time.
        let liked = PORTS.map(|(transport, port, weight)| {
            let mut rng = draw::rng(seed, &[1, number, u64::from(port.unsigned_abs())]);
            let udp_of_japan = if region == "JP" && (transport, port) == ("udp", 5060) {
                3.0
            } else {
                1.0
            };
            weight / port_sum * 3_f64.powf(draw::normal(&mut rng).clamp(-1.0, 1.0)) * udp_of_japan
        });
        let sum: f64 = liked.iter().sum();
        let is_445 = |transport: &str, port: i32| (transport, port) == ("tcp", 445);
        let without_445: f64 = PORTS
            .iter()
            .zip(&liked)
            .filter(|((transport, port, _), _)| !is_445(transport, *port))
            .map(|(_, share)| share)
            .sum();
        for ((transport, port, _), share) in PORTS.into_iter().zip(liked) {
            let rate = match (region, is_445(transport, port)) {
                ("KR", true) => budget * KOREA_445,
                ("KR", false) => budget * (1.0 - KOREA_445) * share / without_445,
                _ => budget * share / sum,
            };
            let marked = MARKED
                .into_iter()
                .find(|(marked, _)| *marked == port && transport == "tcp")
                .map_or(0.0, |(_, part)| part);
            push(streams, transport, port, region, 0, rate * (1.0 - marked));
            push(streams, transport, port, region, MIRAI, rate * marked);
        }
    }
}

/// Ports by Zipf's law with exponent 1.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn unnamed(seed: u64, ports: u64, streams: &mut Vec<Stream>) {
    let harmonic: f64 = (1..=ports).map(|rank| 1.0 / (rank as f64 + 20.0)).sum();
    for rank in 1..=ports {
        let mut rng = draw::rng(seed, &[2, rank]);
        let transport = if rng.f64() < 0.15 { "udp" } else { "tcp" };
        // Beyond those with a name here, so none is counted twice. From 40,000 on the events have theirs.
        let port = rng.i32(10_001..37_000);
        let rate = PACKETS_AN_HOUR * REST / (rank as f64 + 20.0) / harmonic;
        for _ in 0..REST_REGIONS {
            // The lesser of two draws the first ones more often.
            let place = rng.usize(0..REGIONS.len()).min(rng.usize(0..REGIONS.len()));
            let region = REGIONS[place].0;
            push(streams, transport, port, region, 0, rate / REST_REGIONS as f64);
        }
    }
}

/// Replies to forged requests: not in any ranking, and so a check that they are not.
fn backscatter(streams: &mut Vec<Stream>) {
    for (port, region, rate) in [(80, "US", 6.0), (443, "CN", 4.0), (53, "US", 2.0)] {
        streams.push(Stream {
            class: "backscatter",
            rate,
            ..stream("tcp", port, region, 0)
        });
    }
}

fn push(
    streams: &mut Vec<Stream>,
    transport: &'static str,
    port: i32,
    region: &'static str,
    tools: i32,
    rate: f64,
) {
    if rate > 0.0 {
        streams.push(Stream {
            rate,
            ..stream(transport, port, region, tools)
        });
    }
}

/// A stream of scans without a rate.
pub(crate) fn stream(transport: &'static str, port: i32, region: &'static str, tools: i32) -> Stream {
    Stream {
        transport,
        protocol: match transport {
            "tcp" => 6,
            "udp" => 17,
            _ => 1,
        },
        port,
        class: "scan",
        region,
        tools,
        rate: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rates_of_scans_add_up_to_what_an_address_gets() {
        let sum: f64 = streams(1, 500)
            .iter()
            .filter(|stream| stream.class == "scan")
            .map(|stream| stream.rate)
            .sum();
        assert!((sum - PACKETS_AN_HOUR).abs() < 1e-6, "{sum}");
    }

    #[test]
    fn korea_is_fifth_through_445_alone() {
        let streams = streams(1, 500);
        let of = |region: &str, port: Option<i32>| -> f64 {
            streams
                .iter()
                .filter(|stream| stream.region == region && port.is_none_or(|port| stream.port == port))
                .map(|stream| stream.rate)
                .sum()
        };
        assert!(of("KR", None) > of("BG", None));
        assert!(of("KR", None) - of("KR", Some(445)) * 0.8 < of("BG", None));
    }
}
