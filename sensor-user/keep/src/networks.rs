//! Networks of a day: the /24s and /48s that sent most to a service port.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv6Addr},
};

use sensor_records::rows::{NetworkRow, SourceRow};

/// Networks and ports that are told apart while a day is read; what comes beyond goes into the rest.
const MAX_OPEN: usize = 1 << 19;
/// Rows of a day, beside the rest.
const MAX_ROWS: usize = 10_000;
/// Sources of an IPv6 network that are told apart.
const MAX_SOURCES: usize = 1 << 16;

type Key = (String, String, Option<i32>, String);

#[derive(Default)]
struct Sum {
    source_region: Option<String>,
    packets: i64,
    sources: HashSet<IpAddr>,
}

/// The sums of a day.
#[derive(Default)]
pub(crate) struct Networks {
    networks: HashMap<Key, Sum>,
    rest: HashMap<(String, String), i64>,
}

impl Networks {
    pub fn add(&mut self, rows: &[SourceRow]) {
        for row in rows {
            let address: Option<IpAddr> = row.source.as_deref().and_then(|source| source.parse().ok());
            let Some(address) = address else {
                self.add_rest(&row.transport, &row.class, row.packets);
                continue;
            };
            let key = (
                network_of(address),
                row.transport.clone(),
                row.port,
                row.class.clone(),
            );
            if self.networks.len() >= MAX_OPEN && !self.networks.contains_key(&key) {
                self.add_rest(&row.transport, &row.class, row.packets);
                continue;
            }
            let sum = self.networks.entry(key).or_default();
            sum.packets += row.packets;
            if sum.sources.len() < MAX_SOURCES {
                sum.sources.insert(address);
            }
            sum.source_region.clone_from(&row.source_region);
        }
    }

    fn add_rest(&mut self, transport: &str, class: &str, packets: i64) {
        *self
            .rest
            .entry((transport.to_owned(), class.to_owned()))
            .or_default() += packets;
    }

    /// The networks that sent most, and the rest.
    pub fn rows(mut self) -> Vec<NetworkRow> {
        let mut sums: Vec<_> = std::mem::take(&mut self.networks).into_iter().collect();
        sums.sort_by(|(one_key, one), (two_key, two)| {
            (Reverse(one.packets), one_key).cmp(&(Reverse(two.packets), two_key))
        });
        let beyond = sums.split_off(sums.len().min(MAX_ROWS));
        for ((_, transport, _, class), sum) in beyond {
            self.add_rest(&transport, &class, sum.packets);
        }
        let rows = sums
            .into_iter()
            .map(|((network, transport, port, class), sum)| NetworkRow {
                network: Some(network),
                system: None,
                source_region: sum.source_region,
                transport,
                port,
                class,
                other: false,
                packets: sum.packets,
                sources: i64::try_from(sum.sources.len()).ok(),
            });
        let rest = self
            .rest
            .into_iter()
            .map(|((transport, class), packets)| NetworkRow {
                transport,
                class,
                other: true,
                packets,
                ..NetworkRow::default()
            });
        rows.chain(rest).collect()
    }
}

/// The /24 of an IPv4 address, the /48 of an IPv6 one.
fn network_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            format!("{first}.{second}.{third}.0/24")
        }
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 80 << 80);
            format!("{network}/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(source: &str, port: i32, packets: i64) -> SourceRow {
        SourceRow {
            source: Some(source.to_owned()),
            transport: "tcp".to_owned(),
            class: "scan".to_owned(),
            port: Some(port),
            packets,
            ..SourceRow::default()
        }
    }

    #[test]
    fn sources_of_one_network_are_added_up_and_counted_once() {
        let mut networks = Networks::default();
        networks.add(&[
            row("192.0.2.1", 23, 5),
            row("192.0.2.9", 23, 6),
            row("2001:db8::1", 23, 1),
        ]);
        networks.add(&[
            row("192.0.2.1", 23, 7),
            row("192.0.3.1", 23, 1),
            row("192.0.2.1", 80, 2),
        ]);
        let mut rows = networks.rows();
        rows.sort_by_key(|row| Reverse(row.packets));
        let seen: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.network.as_deref().unwrap(),
                    row.port,
                    row.packets,
                    row.sources,
                )
            })
            .collect();
        assert_eq!(seen[0], ("192.0.2.0/24", Some(23), 18, Some(2)));
        assert_eq!(seen[1], ("192.0.2.0/24", Some(80), 2, Some(1)));
        assert!(seen.contains(&("2001:db8::/48", Some(23), 1, Some(1))));
    }

    #[test]
    fn what_is_beyond_the_rows_is_in_the_rest() {
        let mut networks = Networks::default();
        let many = i64::try_from(MAX_ROWS).unwrap() + 100;
        for number in 1..=many {
            let source = format!("10.{}.{}.1", number / 256, number % 256);
            networks.add(&[row(&source, 23, number)]);
        }
        let rows = networks.rows();
        assert_eq!(rows.len(), MAX_ROWS + 1);
        let rest: Vec<_> = rows
            .iter()
            .filter(|row| row.other)
            .map(|row| row.packets)
            .collect();
        // The hundred that sent least: 1 + 2 + … + 100.
        assert_eq!(rest, [5_050]);
        assert_eq!(
            rows.iter().map(|row| row.packets).sum::<i64>(),
            many * (many + 1) / 2
        );
    }
}
