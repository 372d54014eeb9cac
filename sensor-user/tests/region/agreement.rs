//! Look-ups agree with the database, address by address.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use maxminddb::Reader;
use sensor_common::{Address, Family};
use teiten::region::{BuiltFrom, Format, Region, RegionSources, RegionTable};
use tempfile::TempDir;

use super::numbers::Numbers;
use super::reference::{Reference, answer, compare, is_bogon, random_addresses};
use sensor_lab::mmdb::{Writer, country};

const RANGES: usize = 20_000;
const RANDOM: usize = 1_000_000;

pub(crate) fn load(files: &[(&str, &[u8])]) -> (TempDir, RegionTable) {
    let directory = tempfile::tempdir().unwrap();
    let sources = RegionSources {
        regions: files.iter().map(|file| write(&directory, file)).collect(),
        systems: None,
    };
    let table = RegionTable::load(&sources).unwrap();
    (directory, table)
}

fn write(directory: &TempDir, (name, bytes): &(&str, &[u8])) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_text_gives_what_reading_it_line_by_line_gives() {
    let mut numbers = Numbers(11);
    let ranges = Reference::random(&mut numbers, RANGES);
    let (v4, v6) = (ranges.text(true, false), ranges.text(false, true));
    let mut reference = Reference::default();
    reference.read(&v4);
    reference.read(&v6);
    assert_eq!(reference, ranges);
    let (_directory, table) = load(&[("geoip", v4.as_bytes()), ("geoip6", v6.as_bytes())]);
    let code = |address| reference.code(address);
    assert!(compare(&table, reference.edges(), code) > 4 * RANGES);
    let random = random_addresses(&mut numbers, &reference, RANDOM);
    assert_eq!(compare(&table, random, code), 2 * RANDOM);
    let info = table.info();
    assert_eq!(info.regions[0].ranges_v4, reference.v4.len() as u64);
    assert_eq!(info.regions[1].ranges_v6, reference.v6.len() as u64);
    assert_eq!(info.region_count, 5);
    for file in &info.regions {
        assert_eq!(
            (file.format, file.built_from),
            (Format::TorText, BuiltFrom::Header)
        );
    }
}

#[test]
fn an_mmdb_file_gives_what_its_own_reader_gives() {
    for record_bits in [24, 28, 32] {
        let mut numbers = Numbers(u64::from(record_bits));
        let reference = Reference::random(&mut numbers, RANGES / 4);
        let bytes = reference.mmdb(record_bits, country);
        let reader = Reader::from_source(bytes.as_slice()).unwrap();
        let (_directory, table) = load(&[("any name.txt", &bytes)]);
        let code = |address| answer(&reader, address);
        compare(&table, reference.edges(), code);
        compare(
            &table,
            random_addresses(&mut numbers, &reference, RANDOM / 4),
            code,
        );
        // And the writer wrote what it was given: the aliased prefix apart, the text says the same.
        let aliased = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.segments()[0] == 0x2002);
        let others = reference.edges().filter(|address| !aliased(address));
        compare(&table, others, |address| reference.code(address));
        let file = &table.info().regions[0];
        assert_eq!(
            (file.format, file.built_from),
            (Format::MaxMind, BuiltFrom::Metadata)
        );
        assert_eq!(file.built_seconds, 1_700_000_000);
        assert_eq!(file.database.as_deref(), Some("Test-Country"));
    }
}

#[test]
fn a_6to4_address_has_the_region_of_the_ipv4_address_in_it_where_the_database_says_so() {
    let mut writer = Writer::new(6, 24);
    writer.add_v4(0x8504_0000, 0x8504_ffff, &country("JP"));
    writer.alias_v4(0x2002 << 112, 16);
    let (_directory, table) = load(&[("database", &writer.bytes())]);
    assert_eq!(table.lookup_ip("2002:8504:1::1".parse().unwrap()).code(), "JP");
    assert_eq!(table.lookup_ip("2002:8505:1::1".parse().unwrap()).code(), "ZZ");
}

#[test]
fn an_ipv4_mapped_address_in_an_ipv6_packet_is_a_bogon() {
    let (_directory, table) = load(&[("geoip", b"134744064,134744319,US\n")]);
    let address = Address::v4(0x0808_0808);
    assert_eq!(table.lookup(address, Family::Ipv4).code(), "US");
    assert_eq!(table.lookup(address, Family::Ipv6), Region::BOGON);
    assert_eq!(table.lookup_ip("::ffff:8.8.8.8".parse().unwrap()), Region::BOGON);
}

/// First, last and middle addresses of prefixes that are never routed.
#[rustfmt::skip]
const BOGONS: &[&str] = &[
    "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
    "169.254.1.1", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.8", "192.0.0.170", "192.0.0.255",
    "192.0.2.1", "192.88.99.2", "192.168.0.1", "198.18.0.0", "198.19.255.255", "198.51.100.1",
    "203.0.113.255", "224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.255", "::", "::1", "::2",
    "::ffff:8.8.8.8", "64:ff9b:1::1", "100::1", "100:0:0:1::1", "2001:1::", "2001:1::4", "2001:2::1",
    "2001:4:111::", "2001:10::1", "2001:1ff:ffff::", "2001:db8::1", "3fff:fff::1", "4000::", "5f00::1",
    "fc00::1", "fdff::1", "fe80::1", "fec0::1", "ff02::1", "1fff::",
];

/// Addresses beside those, and exceptions within.
#[rustfmt::skip]
const ROUTED: &[&str] = &[
    "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.0.9",
    "192.0.0.10", "192.0.1.0", "192.0.3.0", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.88.99.3",
    "192.167.255.255", "192.169.0.0", "192.175.48.1", "198.17.255.255", "198.20.0.0", "198.51.99.255",
    "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "64:ff9b::808:808", "2000::",
    "2001::1", "2001:0:ffff::", "2001:1::1", "2001:1::2", "2001:1::3", "2001:3::1", "2001:4:112::1",
    "2001:20::1", "2001:3f::1", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2002:808:808::1",
    "2620:4f:8000::1", "3ffe::1", "3fff:1000::", "3fff:ffff::",
];

#[test]
fn bogons_override_a_database_that_claims_everything() {
    let claims = "0,4294967295,US\n::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,US\n";
    let (_directory, table) = load(&[("geoip", claims.as_bytes())]);
    let without = RegionTable::without_database();
    for (addresses, expected) in [(BOGONS, "XB"), (ROUTED, "US")] {
        for address in addresses {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(table.lookup_ip(address).code(), expected, "{address}");
            assert_eq!(
                without.lookup_ip(address).code(),
                expected.replace("US", "ZZ"),
                "{address}"
            );
            assert_eq!(is_bogon(address), expected == "XB", "{address}");
        }
    }
    assert!(without.info().regions.is_empty());
}
