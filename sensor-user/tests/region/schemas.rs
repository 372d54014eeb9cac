//! Databases of different makers say the same in different words.

use teiten::region::{RecordFault, RegionError, RegionSources, RegionTable, Wanted};

use super::reference::answer;
use sensor_lab::mmdb::{Value, Writer, country};

fn file(value: &Value) -> Vec<u8> {
    let mut writer = Writer::new(4, 24);
    // A network that is right, so that only the other one can be at fault.
    writer.add_v4(0x0100_0000, 0x0100_00ff, &both("US", 64_496));
    writer.add_v4(0x0808_0800, 0x0808_08ff, value);
    writer.bytes()
}

fn both(code: &str, number: u32) -> Value {
    let Value::Map(mut entries) = country(code) else {
        unreachable!()
    };
    entries.push(("autonomous_system_number", Value::Number(number)));
    Value::Map(entries)
}

/// Loads one file as both a country database and one of autonomous systems.
fn load(bytes: &[u8]) -> Result<RegionTable, RegionError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    std::fs::write(&path, bytes).unwrap();
    RegionTable::load(&RegionSources {
        regions: vec![path.clone()],
        systems: Some(path),
    })
}

fn map(entries: &[(&'static str, Value)]) -> Value {
    Value::Map(entries.to_vec())
}

fn iso(code: &str) -> Value {
    map(&[("iso_code", Value::text(code))])
}

#[test]
fn countries_are_found_under_every_known_name() {
    let cases = [
        (map(&[("country", iso("JP"))]), "JP"),
        (
            map(&[("country", iso("JP")), ("registered_country", iso("US"))]),
            "JP",
        ),
        (map(&[("registered_country", iso("US"))]), "US"),
        (
            map(&[
                ("country", map(&[("geoname_id", Value::Number(1))])),
                ("registered_country", iso("US")),
            ]),
            "US",
        ),
        (map(&[("country", Value::text("JP"))]), "JP"),
        (
            map(&[
                ("country", Value::text("Japan")),
                ("country_code", Value::text("JP")),
            ]),
            "JP",
        ),
        (
            map(&[("country_code", Value::text("JP")), ("asn", Value::text(""))]),
            "JP",
        ),
        (map(&[("country", Value::text(""))]), "ZZ"),
        (map(&[("continent", map(&[("code", Value::text("EU"))]))]), "ZZ"),
        (map(&[]), "ZZ"),
    ];
    for (place, (value, expected)) in cases.iter().enumerate() {
        let table = load(&file(value)).unwrap();
        assert_eq!(
            table.lookup_ip("8.8.8.8".parse().unwrap()).code(),
            *expected,
            "case {place}"
        );
        assert_eq!(table.lookup_ip("8.8.9.0".parse().unwrap()).code(), "ZZ");
        assert_eq!(table.lookup_ip("1.0.0.1".parse().unwrap()).code(), "US");
    }
}

#[test]
fn systems_are_found_under_every_known_name() {
    let cases = [
        (
            map(&[("autonomous_system_number", Value::Number(2497))]),
            Some(2497),
        ),
        (
            map(&[("autonomous_system_number", Value::Number(u32::MAX - 1))]),
            Some(u32::MAX - 1),
        ),
        (
            map(&[("asn", Value::text("AS15169")), ("country", Value::text("US"))]),
            Some(15_169),
        ),
        (map(&[("asn", Value::Number(15_169))]), Some(15_169)),
        (map(&[("asn", Value::text(""))]), None),
        (map(&[("autonomous_system_number", Value::Number(0))]), None),
        (map(&[]), None),
    ];
    for (place, (value, expected)) in cases.iter().enumerate() {
        let table = load(&file(value)).unwrap();
        assert_eq!(
            table.asn_ip("8.8.8.8".parse().unwrap()),
            *expected,
            "case {place}"
        );
        assert_eq!(table.asn_ip("1.0.0.1".parse().unwrap()), Some(64_496));
        assert_eq!(table.asn_ip("2001:200::1".parse().unwrap()), None);
    }
}

#[test]
fn wrong_data_is_refused_with_its_network_and_cause() {
    type Expected = fn(&RecordFault) -> bool;
    let long = "J".repeat(200);
    let cases: [(Value, Expected); 11] = [
        (country("jp"), |fault| matches!(fault, RecordFault::Code(_))),
        (country("JPN"), |fault| matches!(fault, RecordFault::Code(_))),
        (country("\"}\n"), |fault| matches!(fault, RecordFault::Code(_))),
        (country(&long), |fault| matches!(fault, RecordFault::Code(_))),
        (country("XB"), |fault| *fault == RecordFault::Reserved),
        (map(&[("country", Value::text("Japan"))]), |fault| {
            matches!(fault, RecordFault::Code(_))
        }),
        (map(&[("country", Value::Number(392))]), |fault| {
            matches!(fault, RecordFault::Unreadable(_))
        }),
        (Value::text("JP"), |fault| {
            matches!(fault, RecordFault::Unreadable(_))
        }),
        (map(&[("asn", Value::text("15169"))]), |fault| {
            matches!(fault, RecordFault::System(_))
        }),
        (map(&[("asn", Value::text("AS+1"))]), |fault| {
            matches!(fault, RecordFault::System(_))
        }),
        (map(&[("asn", Value::text("AS4294967296"))]), |fault| {
            matches!(fault, RecordFault::System(_))
        }),
    ];
    for (place, (value, expected)) in cases.iter().enumerate() {
        let error = load(&file(value)).unwrap_err();
        let RegionError::Record { network, fault, .. } = &error else {
            panic!("case {place}: {error}");
        };
        assert_eq!(network, "8.8.8.0/24", "case {place}");
        assert!(expected(fault), "case {place}: {fault}");
        let message = error.to_string();
        assert!(
            !message.contains(char::is_control) && message.len() < 700,
            "{message}"
        );
    }
}

#[test]
fn a_database_of_something_else_is_refused() {
    let mut writer = Writer::new(4, 24);
    writer.add_v4(0x0808_0800, 0x0808_08ff, &map(&[("city", Value::text("Kyoto"))]));
    let error = load(&writer.bytes()).unwrap_err();
    assert!(
        matches!(
            error,
            RegionError::Nothing {
                wanted: Wanted::Regions,
                ..
            }
        ),
        "{error}"
    );
    let mut writer = Writer::new(4, 24);
    writer.add_v4(0x0808_0800, 0x0808_08ff, &country("US"));
    let error = load(&writer.bytes()).unwrap_err();
    assert!(
        matches!(
            error,
            RegionError::Nothing {
                wanted: Wanted::Systems,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_bogon_has_no_system_whatever_the_database_says() {
    let mut writer = Writer::new(6, 28);
    writer.add_v4(0, u32::MAX, &both("US", 64_500));
    writer.add_v6(1 << 125, 2 << 125, &both("US", 64_501));
    let table = load(&writer.bytes()).unwrap();
    let cases = [
        ("8.8.8.8", Some(64_500)),
        ("10.0.0.1", None),
        ("255.255.255.255", None),
        ("2a00::1", Some(64_501)),
        ("2001:db8::1", None),
        ("4000::", None),
        ("::ffff:8.8.8.8", None),
    ];
    for (address, expected) in cases {
        assert_eq!(table.asn_ip(address.parse().unwrap()), expected, "{address}");
    }
}

#[test]
fn data_above_the_tree_of_ipv4_is_data_of_all_ipv4() {
    for last in [u128::from(u32::MAX), u128::MAX >> 8, u128::MAX] {
        let mut writer = Writer::new(6, 24);
        writer.add_v6(0, last, &both("US", 64_500));
        let bytes = writer.bytes();
        let reader = maxminddb::Reader::from_source(bytes.as_slice()).unwrap();
        let table = load(&bytes).unwrap();
        for address in ["8.8.8.8", "2a00::1", "64:ff9b::1"] {
            let address = address.parse().unwrap();
            let expected = answer(&reader, address);
            assert_eq!(table.lookup_ip(address).code(), expected, "{address} {last:x}");
        }
    }
}
