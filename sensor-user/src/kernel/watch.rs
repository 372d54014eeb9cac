//! The watch list: from prefixes to the two levels that the program looks addresses up in.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sensor_common::{
    Address,
    watch::{self, ALL, Block, FIRST_BLOCK, Index, MAX_BLOCKS, NONE, Watch, block_bit},
};

use super::KernelError;

/// The watched addresses, compiled.
#[derive(Clone, Debug)]
pub struct WatchList {
    index: Box<Index>,
    blocks: Vec<Box<Block>>,
    v6: Vec<Ipv6Net>,
}

impl WatchList {
    /// Compiles prefixes; they may overlap.
    ///
    /// # Errors
    /// More /16 networks are watched in part than the index can name.
    pub fn new(prefixes: &[IpNet]) -> Result<Self, KernelError> {
        let mut list = Self {
            index: vec![NONE; watch::INDEX_ENTRIES]
                .try_into()
                .unwrap_or_else(|_| unreachable!("the vector was made with the array's length")),
            blocks: Vec::new(),
            v6: Vec::new(),
        };
        let mut v4: Vec<Ipv4Net> = Vec::new();
        for prefix in prefixes {
            match prefix {
                IpNet::V4(prefix) => v4.push(*prefix),
                IpNet::V6(prefix) => list.v6.push(*prefix),
            }
        }
        list.v6 = Ipv6Net::aggregate(&list.v6);
        for prefix in Ipv4Net::aggregate(&v4) {
            list.add_v4(prefix)?;
        }
        Ok(list)
    }

    fn add_v4(&mut self, prefix: Ipv4Net) -> Result<(), KernelError> {
        let (first, last) = (prefix.network().to_bits(), prefix.broadcast().to_bits());
        if prefix.prefix_len() <= 16 {
            for entry in &mut self.index[(first >> 16) as usize..=(last >> 16) as usize] {
                *entry = ALL;
            }
            return Ok(());
        }
        let entry = &mut self.index[(first >> 16) as usize];
        if *entry == NONE {
            let block = self.blocks.len();
            if block >= MAX_BLOCKS {
                return Err(KernelError::WatchTooLarge(block + 1));
            }
            self.blocks.push(Box::new([0; watch::BLOCK_WORDS]));
            *entry = FIRST_BLOCK + u16::try_from(block).unwrap_or(u16::MAX - FIRST_BLOCK);
        }
        // Aggregated prefixes do not overlap, so the entry is a block and never `ALL`.
        let block = &mut self.blocks[usize::from(*entry - FIRST_BLOCK)];
        for address in first..=last {
            let (word, bit) = block_bit(address);
            block[word] |= 1 << bit;
        }
        Ok(())
    }

    /// The first level.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The second level.
    #[must_use]
    pub fn blocks(&self) -> &[Box<Block>] {
        &self.blocks
    }

    /// The watched IPv6 prefixes, none within another.
    #[must_use]
    pub fn v6(&self) -> &[Ipv6Net] {
        &self.v6
    }

    /// How many IPv4 addresses are watched.
    #[must_use]
    pub fn v4_addresses(&self) -> u64 {
        let whole = self.index.iter().filter(|entry| **entry == ALL).count() as u64;
        let parts: u64 = self
            .blocks
            .iter()
            .flat_map(|block| block.iter())
            .map(|word| u64::from(word.count_ones()))
            .sum();
        (whole << 16) + parts
    }

    /// Whether this address is watched.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.contains_v4(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.iter().any(|prefix| prefix.contains(&v6)),
        }
    }
}

impl Watch for WatchList {
    fn contains_v4(&self, address: u32) -> bool {
        match self.index[(address >> 16) as usize] {
            NONE => false,
            ALL => true,
            entry => {
                let (word, bit) = block_bit(address);
                self.blocks[usize::from(entry - FIRST_BLOCK)][word] >> bit & 1 != 0
            }
        }
    }

    fn contains_v6(&self, address: Address) -> bool {
        self.contains(address.to_ip(sensor_common::Family::Ipv6))
    }
}

/// The prefix of a single address.
#[must_use]
pub fn host_prefix(address: Ipv4Addr) -> IpNet {
    IpNet::from(IpAddr::V4(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(prefixes: &[&str]) -> WatchList {
        let prefixes: Vec<IpNet> = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        WatchList::new(&prefixes).unwrap()
    }

    #[test]
    fn the_list_is_exact_to_the_address_on_every_edge() {
        let prefixes = [
            "198.51.100.0/24",
            "203.0.113.7/32",
            "10.0.0.0/8",
            "192.0.2.128/25",
            "172.16.0.0/15",
            "198.51.100.64/26",
            "255.255.255.255/32",
        ];
        let compiled = list(&prefixes);
        let reference: Vec<IpNet> = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        for prefix in &reference {
            let IpNet::V4(prefix) = prefix else { continue };
            let (first, last) = (prefix.network().to_bits(), prefix.broadcast().to_bits());
            for number in [
                first.wrapping_sub(1),
                first,
                first + (last - first) / 2,
                last,
                last.wrapping_add(1),
            ] {
                let address = IpAddr::V4(Ipv4Addr::from_bits(number));
                let expected = reference.iter().any(|prefix| prefix.contains(&address));
                assert_eq!(compiled.contains(address), expected, "{address}");
            }
        }
    }

    #[test]
    fn the_list_agrees_with_the_prefixes_on_random_addresses() {
        let prefixes = ["198.51.0.0/17", "198.51.200.0/22", "100.64.0.0/10"];
        let compiled = list(&prefixes);
        let reference: Vec<IpNet> = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        let mut state = 1_u32;
        let mut watched = 0;
        for _ in 0..200_000 {
            // Half of the addresses lie near the prefixes, or hardly any would be watched.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = if state & 1 == 0 {
                state
            } else {
                0xc633_0000 | state >> 8 & 0xffff
            };
            let address = IpAddr::V4(Ipv4Addr::from_bits(number));
            let expected = reference.iter().any(|prefix| prefix.contains(&address));
            watched += usize::from(expected);
            assert_eq!(compiled.contains(address), expected, "{address}");
        }
        assert!(watched > 10_000);
    }

    #[test]
    fn everything_and_nothing_can_be_watched() {
        assert_eq!(list(&["0.0.0.0/0"]).v4_addresses(), 1 << 32);
        assert!(list(&["0.0.0.0/0"]).blocks().is_empty());
        assert_eq!(list(&[]).v4_addresses(), 0);
        assert_eq!(list(&["192.0.2.0/24", "192.0.2.0/25"]).v4_addresses(), 256);
    }

    #[test]
    fn ipv6_prefixes_are_kept_and_asked() {
        let compiled = list(&["2001:db8:feed::/48", "2001:db8:feed:1::/64"]);
        assert_eq!(compiled.v6().len(), 1);
        assert!(compiled.contains("2001:db8:feed:ffff::1".parse().unwrap()));
        assert!(!compiled.contains("2001:db8:feee::1".parse().unwrap()));
    }
}
