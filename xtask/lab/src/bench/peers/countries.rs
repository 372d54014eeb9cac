//! Debian's country database in the forms that peers read: the same answers as the sensor's own.

use std::{fmt::Write as _, fs, net::Ipv4Addr, path::Path};

use anyhow::{Context as _, Result};

use crate::mmdb::{Writer, country};

/// Where Debian's package tor-geoipdb has it.
const FILE: &str = "/usr/share/tor/geoip";

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

    /// Writes them as an mmdb file of IPv4.
    pub(super) fn write_mmdb(&self, path: &Path) -> Result<()> {
        fs::write(path, self.mmdb().bytes()).with_context(|| format!("{} cannot be written", path.display()))
    }

    fn mmdb(&self) -> Writer {
        let mut writer = Writer::new(4, 32);
        for (first, last, code) in &self.0 {
            writer.add_v4(*first, *last, &country(code));
        }
        writer
    }
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
    fn found(bytes: &[u8], nodes: usize, address: u32) -> Option<String> {
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
        let file = some().mmdb();
        let (bytes, nodes) = (file.bytes(), file.node_count());
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
            assert_eq!(found(&bytes, nodes, address).as_deref(), expected, "{address:x}");
        }
    }
}
