//! Which files together make a table.

use std::fs;
use std::path::Path;

use teiten::region::{RegionError, RegionSources, RegionTable};

use sensor_lab::mmdb::{Writer, country};

fn sources(directory: &Path, regions: &[&str]) -> RegionSources {
    RegionSources {
        regions: regions.iter().map(|name| directory.join(name)).collect(),
        systems: None,
    }
}

#[test]
fn the_format_is_told_from_the_content() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(4, 24);
    writer.add_v4(0x0808_0800, 0x0808_08ff, &country("US"));
    fs::write(directory.path().join("text.mmdb"), "134744064,134744319,US\n").unwrap();
    fs::write(directory.path().join("geoip"), writer.bytes()).unwrap();
    fs::write(
        directory.path().join("both"),
        "134744064,134744319,US\n2a00::,2a00::1,DE\n",
    )
    .unwrap();
    for name in ["text.mmdb", "geoip", "both"] {
        let table = RegionTable::load(&sources(directory.path(), &[name])).unwrap();
        assert_eq!(table.lookup_ip("8.8.8.8".parse().unwrap()).code(), "US", "{name}");
        let expected = if name == "both" { "DE" } else { "ZZ" };
        assert_eq!(
            table.lookup_ip("2a00::1".parse().unwrap()).code(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn files_that_do_not_make_a_table_are_refused_by_name() {
    type Expected = fn(&RegionError) -> bool;
    let directory = tempfile::tempdir().unwrap();
    let mut zeros = vec![0; 4096];
    zeros[0] = b'1';
    let files: [(&str, &[u8]); 7] = [
        ("v4", b"1,2,JP\n"),
        ("v6", b"2a00::,2a00::1,DE\n"),
        ("both", b"1,2,JP\n2a00::,2a00::1,DE\n"),
        ("comments", b"# nothing\n\n"),
        ("empty", b""),
        ("binary", &zeros),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"),
    ];
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let cases: [(&[&str], Expected); 10] = [
        (&[], |error| matches!(error, RegionError::NoSources)),
        (&["v4", "v4"], |error| matches!(error, RegionError::Twice { .. })),
        (&["v4", "both"], |error| {
            matches!(error, RegionError::Twice { .. })
        }),
        (&["both", "v6"], |error| {
            matches!(error, RegionError::Twice { .. })
        }),
        (&["v4", "comments"], |error| {
            matches!(error, RegionError::Nothing { .. })
        }),
        (&["v4", "empty"], |error| {
            matches!(error, RegionError::UnknownFormat { .. })
        }),
        (&["binary"], |error| {
            matches!(error, RegionError::UnknownFormat { .. })
        }),
        (&["gzip"], |error| {
            matches!(error, RegionError::UnknownFormat { .. })
        }),
        (&["v4", "missing"], |error| {
            matches!(error, RegionError::Read { .. })
        }),
        (&["."], |error| matches!(error, RegionError::NotAFile { .. })),
    ];
    for (names, expected) in cases {
        let error = RegionTable::load(&sources(directory.path(), names)).unwrap_err();
        assert!(expected(&error), "{names:?}: {error}");
        if let Some(name) = names.last() {
            assert!(error.to_string().contains(name), "{error}");
        }
    }
    assert!(RegionTable::load(&sources(directory.path(), &["v4", "v6"])).is_ok());
    let error = RegionTable::load(&RegionSources {
        systems: Some(directory.path().join("v6")),
        ..sources(directory.path(), &["v4"])
    });
    assert!(matches!(error, Err(RegionError::NoText { .. })));
}

#[test]
fn the_file_is_described_as_it_was_read() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("both"),
        "1,2,JP\n3,4,DE\n2a00::,2a00::1,DE\n",
    )
    .unwrap();
    let table = RegionTable::load(&sources(directory.path(), &["both"])).unwrap();
    let json = serde_json::to_value(table.info()).unwrap();
    let file = &json["regions"][0];
    // printf '1,2,JP\n3,4,DE\n2a00::,2a00::1,DE\n' | sha256sum
    let digest = "61f3ab762b437b1b929db43111e78d49d19ec7fefdeb1c00b80b4cf008648d18";
    for (key, expected) in [
        ("format", serde_json::json!("tor_text")),
        ("built_from", "modified".into()),
        ("bytes", 32.into()),
        ("sha256", digest.into()),
        ("ranges_v4", 2.into()),
        ("ranges_v6", 1.into()),
        ("database", serde_json::Value::Null),
    ] {
        assert_eq!(file[key], expected, "{key}");
    }
    assert!(file["path"].as_str().unwrap().ends_with("/both"));
    assert_eq!(json["region_count"], 2);
    assert_eq!(json["systems"], serde_json::Value::Null);
    assert!(table.info().built_seconds() > Some(1_700_000_000));
}
