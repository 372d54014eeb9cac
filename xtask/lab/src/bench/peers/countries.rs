//! Debian's country database in the forms that peers read: the same answers as the sensor's own.

use std::{collections::BTreeMap, fmt::Write as _, fs, net::Ipv4Addr, path::Path};

use anyhow::{Context as _, Result};

/// Where Debian's package tor-geoipdb has it.
const FILE: &str = "/usr/share/tor/geoip";
/// What begins the metadata (`MaxMind` DB format, section *database metadata*).
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Octets between the tree and the data (section *data section separator*).
const SEPARATOR: [u8; 16] = [0; 16];

/// IPv4 ranges with a known country: first, last, two letters. In order, and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Countries(Vec<(u32, u32, String)>);

impl Countries {
    /// The installed database.
    pub(super) fn debian() -> Result<Self> {
        let text = fs::read_to_string(FILE)
            .with_context(|| format!("{FILE} cannot be read: install Debian's package tor-geoipdb"))?;
        Ok(Self::parse(&text))
    }

    /// Lines `FIRST,LAST,CC`; whatever is another line, or says `??`, has no country.
    fn parse(text: &str) -> Self {
        let range = |line: &str| {
            let mut fields = line.trim().split(',');
            let (first, last) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            let country = fields.next().filter(|country| *country != "??")?;
            Some((first, last, country.to_owned()))
        };
        Self(text.lines().filter_map(range).collect())
    }

    /// The elements of a map of nftables: `FIRST-LAST : NUMBER`.
    pub(super) fn elements(&self) -> String {
        let mut text = String::new();
        for (first, last, country) in &self.0 {
            let number = country
                .bytes()
                .fold(0_u32, |number, letter| number << 8 | u32::from(letter));
            let (first, last) = (Ipv4Addr::from_bits(*first), Ipv4Addr::from_bits(*last));
            // Writing into a text does not fail.
            let _ = if first == last {
                writeln!(text, "{first} : {number},")
            } else {
                writeln!(text, "{first}-{last} : {number},")
            };
        }
        text
    }

    /// Writes them in `MaxMind`'s format (<https://maxmind.github.io/MaxMind-DB/>), version 2.0, IPv4.
    pub(super) fn write_mmdb(&self, path: &Path) -> Result<()> {
        fs::write(path, self.mmdb()).with_context(|| format!("{} cannot be written", path.display()))
    }

    fn mmdb(&self) -> Vec<u8> {
        let mut data = Vec::new();
        let mut places = BTreeMap::new();
        let mut tree = Tree::default();
        for (first, last, country) in &self.0 {
            let place = *places.entry(country.as_str()).or_insert_with(|| {
                let place = data.len();
                data.extend([map(1), text("country"), map(1), text("iso_code"), text(country)].concat());
                place
            });
            tree.insert_range(u64::from(*first), u64::from(*last), place);
        }
        let mut bytes = tree.bytes();
        bytes.extend(SEPARATOR);
        bytes.extend(data);
        bytes.extend(MARKER);
        bytes.extend(metadata(tree.nodes.len()));
        bytes
    }
}

/// Where a side of a node leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Side {
    #[default]
    Nowhere,
    Node(usize),
    Data(usize),
}

/// A binary tree over the bits of addresses.
struct Tree {
    nodes: Vec<[Side; 2]>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: vec![[Side::Nowhere; 2]],
        }
    }
}

impl Tree {
    /// Inserts the networks that a range falls into.
    fn insert_range(&mut self, mut first: u64, last: u64, place: usize) {
        while first <= last {
            // As large a network as begins here and does not go beyond the end.
            let mut bits = first.trailing_zeros().min(32);
            while first + (1 << bits) - 1 > last {
                bits -= 1;
            }
            self.insert(first, 32 - bits, place);
            first += 1 << bits;
        }
    }

    fn insert(&mut self, network: u64, length: u32, place: usize) {
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(network >> (31 - depth) & 1 == 1);
            if depth + 1 == length {
                self.nodes[node][side] = Side::Data(place);
                return;
            }
            node = match self.nodes[node][side] {
                Side::Node(next) => next,
                Side::Nowhere | Side::Data(_) => {
                    let next = self.nodes.len();
                    self.nodes.push([self.nodes[node][side]; 2]);
                    self.nodes[node][side] = Side::Node(next);
                    next
                }
            };
        }
    }

    /// Records of 32 bits.
    fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let number = |side: &Side| {
            let number = match side {
                Side::Nowhere => count,
                Side::Node(node) => *node,
                Side::Data(place) => count + SEPARATOR.len() + place,
            };
            u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
        };
        self.nodes.iter().flatten().flat_map(number).collect()
    }
}

fn metadata(nodes: usize) -> Vec<u8> {
    let number = |number: u32| [&[0xc4][..], &number.to_be_bytes()].concat();
    [
        map(9),
        text("binary_format_major_version"),
        vec![0xa1, 2],
        text("binary_format_minor_version"),
        vec![0xa0],
        text("build_epoch"),
        // An unsigned number of 64 bits: type 9, four octets.
        [&[4, 2][..], &1_700_000_000_u32.to_be_bytes()].concat(),
        text("database_type"),
        text("Country"),
        text("description"),
        map(0),
        text("ip_version"),
        vec![0xa1, 4],
        text("languages"),
        // An empty array: type 11.
        vec![0, 4],
        text("node_count"),
        number(u32::try_from(nodes).unwrap_or(u32::MAX)),
        text("record_size"),
        vec![0xa1, 32],
    ]
    .concat()
}

/// A map of fewer than 29 entries.
fn map(entries: u8) -> Vec<u8> {
    vec![0xe0 | entries]
}

/// A text of fewer than 29 octets.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x40 | u8::try_from(text.len()).unwrap_or(28).min(28)];
    bytes.extend(text.as_bytes().iter().take(28));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Countries {
        Countries::parse(
            "# a comment\n16777216,16777471,AU\n16777472,16778239,CN\n5,5,??\n2147483650,2147483650,JP\n",
        )
    }

    #[test]
    fn ranges_are_elements_of_a_map() {
        assert_eq!(
            some().elements(),
            "1.0.0.0-1.0.0.255 : 16725,\n1.0.1.0-1.0.3.255 : 17230,\n128.0.0.2 : 19024,\n"
        );
    }

    /// What the tree says of an address, going through it by the letter of the format.
    fn country(bytes: &[u8], nodes: usize, address: u32) -> Option<String> {
        let mut node = 0;
        for bit in (0..32).rev() {
            let at = node * 8 + usize::from(address >> bit & 1 == 1) * 4;
            node = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
            if node == nodes {
                return None;
            }
            if node > nodes {
                let data = nodes * 8 + (node - nodes);
                // {"country": {"iso_code": "XX"}}: the last two letters of 22 octets.
                let record = &bytes[data..data + 22];
                assert_eq!(&record[1..9], b"\x47country");
                return Some(String::from_utf8(record[20..].to_vec()).unwrap());
            }
        }
        None
    }

    #[test]
    fn every_address_finds_its_country_in_the_tree() {
        let (countries, mut tree) = (some(), Tree::default());
        let bytes = countries.mmdb();
        for (first, last, _) in &countries.0 {
            tree.insert_range(u64::from(*first), u64::from(*last), 0);
        }
        let nodes = tree.nodes.len();
        for (address, expected) in [
            (0x0100_0000, Some("AU")),
            (0x0100_00ff, Some("AU")),
            (0x0100_0100, Some("CN")),
            (0x0100_03ff, Some("CN")),
            (0x0100_0400, None),
            (0x8000_0002, Some("JP")),
            (0x8000_0001, None),
            (0x8000_0003, None),
            (5, None),
        ] {
            assert_eq!(
                country(&bytes, nodes, address).as_deref(),
                expected,
                "{address:x}"
            );
        }
    }
}
