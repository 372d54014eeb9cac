//! What a database says, read the plain way: the independent answer that look-ups are held against.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use maxminddb::{Reader, path};
use teiten::region::RegionTable;

use super::numbers::Numbers;
use sensor_lab::mmdb::{Value, Writer};

/// Ranges of both families: the first address, then the last and the code.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reference {
    pub(crate) v4: BTreeMap<u32, (u32, String)>,
    pub(crate) v6: BTreeMap<u128, (u128, String)>,
}

impl Reference {
    /// Adds the ranges of a text.
    pub(crate) fn read(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split(',').collect();
            let code = fields[2].replace("??", "ZZ");
            if let (Ok(first), Ok(last)) = (fields[0].parse(), fields[1].parse()) {
                self.v4.insert(first, (last, code));
            } else {
                let bits = |field: &str| field.parse::<Ipv6Addr>().unwrap().to_bits();
                self.v6.insert(bits(fields[0]), (bits(fields[1]), code));
            }
        }
    }

    /// Random ranges, some of them neighbours, single addresses and tiny gaps.
    pub(crate) fn random(numbers: &mut Numbers, count: usize) -> Self {
        const CODES: [&str; 6] = ["JP", "US", "DE", "ZZ", "EU", "KR"];
        let mut reference = Self::default();
        for _ in 0..count {
            let code = CODES[numbers.below(CODES.len())].to_owned();
            let first = u32::try_from(numbers.word() >> 32).unwrap() & u32::MAX << numbers.below(28);
            reference.v4.insert(first, (first, code.clone()));
            // Most of IPv6 is crowded into a few networks, as it is in the real world.
            let network = 0x2a00 + u128::try_from(numbers.below(4)).unwrap();
            let first = network << 112 | numbers.wide() >> 16 & u128::MAX << numbers.below(100);
            reference.v6.insert(first, (first, code));
        }
        stretch(numbers, &mut reference.v4, |next, back| {
            next.saturating_sub(u32::from(back))
        });
        stretch(numbers, &mut reference.v6, |next, back| {
            next.saturating_sub(u128::from(back))
        });
        reference
    }

    /// The text with these ranges, without the families that are not asked for.
    pub(crate) fn text(&self, v4: bool, v6: bool) -> String {
        let mut text = String::from("# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n");
        let written = |code: &str| code.replace("ZZ", "??");
        for (first, (last, code)) in self.v4.iter().filter(|_| v4) {
            writeln!(text, "{first},{last},{}", written(code)).unwrap();
        }
        for (first, (last, code)) in self.v6.iter().filter(|_| v6) {
            let (first, last) = (Ipv6Addr::from_bits(*first), Ipv6Addr::from_bits(*last));
            writeln!(text, "{first},{last},{}", written(code)).unwrap();
        }
        text
    }

    /// An mmdb file with these ranges, in which `2002::/16` leads to IPv4, as in real ones.
    pub(crate) fn mmdb(&self, record_bits: u16, value: fn(&str) -> Value) -> Vec<u8> {
        let mut writer = Writer::new(6, record_bits);
        for (first, (last, code)) in self.v4.iter().filter(|(_, (_, code))| code != "ZZ") {
            writer.add_v4(*first, *last, &value(code));
        }
        writer.alias_v4(0x2002 << 112, 16);
        for (first, (last, code)) in self.v6.iter().filter(|(_, (_, code))| code != "ZZ") {
            if first >> 112 != 0x2002 {
                writer.add_v6(*first, *last, &value(code));
            }
        }
        writer.bytes()
    }

    /// What the database says of an address, bogons not considered.
    pub(crate) fn code(&self, address: IpAddr) -> &str {
        match address {
            IpAddr::V4(address) => code_in(&self.v4, address.to_bits()),
            IpAddr::V6(address) => code_in(&self.v6, address.to_bits()),
        }
    }

    /// Every edge of every range: the first and last address, and those beside them.
    pub(crate) fn edges(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().flat_map(|(first, (last, _))| {
            [
                first.checked_sub(1),
                Some(*first),
                Some(*last),
                last.checked_add(1),
            ]
        });
        let v6 = self.v6.iter().flat_map(|(first, (last, _))| {
            [
                first.checked_sub(1),
                Some(*first),
                Some(*last),
                last.checked_add(1),
            ]
        });
        let v4 = v4.flatten().map(|number| Ipv4Addr::from_bits(number).into());
        v4.chain(v6.flatten().map(|number| Ipv6Addr::from_bits(number).into()))
    }
}

/// Lets each range end just before the next one, or earlier.
fn stretch<N: Copy + Ord>(
    numbers: &mut Numbers,
    ranges: &mut BTreeMap<N, (N, String)>,
    back: fn(N, u8) -> N,
) {
    let starts: Vec<N> = ranges.keys().copied().collect();
    for pair in starts.windows(2) {
        let gap = [1, 1, 2, 200][numbers.below(4)];
        if let Some(range) = ranges.get_mut(&pair[0]) {
            range.0 = back(pair[1], gap).max(pair[0]);
        }
    }
}

fn code_in<N: Copy + Ord>(ranges: &BTreeMap<N, (N, String)>, address: N) -> &str {
    match ranges.range(..=address).next_back() {
        Some((_, (last, code))) if address <= *last => code,
        _ => "ZZ",
    }
}

/// What an mmdb file says of an address, by its own reader.
pub(crate) fn answer<'a>(reader: &'a Reader<&[u8]>, address: IpAddr) -> &'a str {
    let found = reader.lookup(address).unwrap();
    found
        .decode_path(&path!["country", "iso_code"])
        .unwrap()
        .unwrap_or("ZZ")
}

/// So many random addresses of each family: IPv4 evenly; IPv6 in and around the ranges, and everywhere.
pub(crate) fn random_addresses(
    numbers: &mut Numbers,
    reference: &Reference,
    count: usize,
) -> impl Iterator<Item = IpAddr> {
    let ranges: Vec<(u128, u128)> = reference
        .v6
        .iter()
        .map(|(first, (last, _))| (*first, *last))
        .collect();
    (0..count * 2).map(move |place| {
        if place % 2 == 0 {
            return Ipv4Addr::from_bits(u32::try_from(numbers.word() >> 32).unwrap()).into();
        }
        let wide = numbers.wide();
        let address = match place / 2 % 4 {
            0 => wide,
            1 => 1 << 125 | wide >> 3,
            _ if ranges.is_empty() => wide,
            _ => {
                let (first, last) = ranges[numbers.below(ranges.len())];
                first + wide % (last - first).saturating_add(2)
            }
        };
        Ipv6Addr::from_bits(address).into()
    })
}

/// Compares look-ups with what is expected of them, and returns how many.
pub(crate) fn compare<'a>(
    table: &RegionTable,
    addresses: impl Iterator<Item = IpAddr>,
    expected: impl Fn(IpAddr) -> &'a str,
) -> usize {
    addresses
        .inspect(|address| {
            let code = if is_bogon(*address) {
                "XB"
            } else {
                expected(*address)
            };
            assert_eq!(table.lookup_ip(*address).code(), code, "{address}");
        })
        .count()
}

/// The special-purpose registries once more, in the standard library's terms where it has them.
pub(crate) fn is_bogon(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_bogon_v4(address),
        IpAddr::V6(address) => is_bogon_v6(address),
    }
}

fn is_bogon_v4(address: Ipv4Addr) -> bool {
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || match address.octets() {
            [0 | 240..=255, ..] => true,
            [100, second, ..] => second & 0xc0 == 64,
            [192, 0, 0, last] => last != 9 && last != 10,
            [192, 88, 99, last] => last == 2,
            [198, second, ..] => second & 0xfe == 18,
            _ => false,
        }
}

fn is_bogon_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let never = matches!(
        segments,
        [0..=0x1fff | 0x4000..=0xffff, ..] | [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..]
    );
    let after_all = matches!(
        segments,
        [0x64, 0xff9b, 0, 0, 0, 0, _, _]
            | [0x2001, 0 | 3 | 0x20..=0x3f, ..]
            | [0x2001, 1, 0, 0, 0, 0, 0, 1..=3]
            | [0x2001, 4, 0x112, ..]
    );
    never && !after_all
}
