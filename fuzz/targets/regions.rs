//! Region databases of strangers, text or mmdb: refused, or read so that every line and look-up holds.
#![no_main]

use std::{
    cell::RefCell,
    fs::File,
    io::{Seek as _, Write as _},
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

use libfuzzer_sys::fuzz_target;
use teiten::region::{Format, Region, RegionSources, RegionTable};

thread_local! {
    static DATABASE: RefCell<File> = RefCell::new(nameless_file());
    static COUNTRIES: RefCell<File> = RefCell::new({
        let mut file = nameless_file();
        file.write_all(b"16777216,16777471,AU\n").expect("memory is left");
        file
    });
}

/// Where an address may tell two ranges apart.
const PROBES: [&str; 10] = [
    "0.0.0.0",
    "1.0.0.0",
    "1.0.0.255",
    "127.0.0.1",
    "198.51.100.1",
    "255.255.255.255",
    "::",
    "2001:db8::1",
    "2a00::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

fuzz_target!(|bytes: &[u8]| {
    let database = DATABASE.with_borrow_mut(|file| {
        file.set_len(0).expect("the file is ours");
        file.rewind().expect("the file is ours");
        file.write_all(bytes).expect("memory is left");
        path_of(file)
    });
    as_countries(bytes, &database);
    as_systems(database);
});

fn as_countries(bytes: &[u8], database: &Path) {
    let sources = RegionSources {
        regions: vec![database.to_owned()],
        systems: None,
    };
    let table = match RegionTable::load(&sources) {
        Ok(table) => table,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    look_up(&table);
    let is_text = table.info().files().all(|file| file.format == Format::TorText);
    if is_text {
        for line in bytes.split(|byte| *byte == b'\n') {
            check_line(&table, line);
        }
    }
}

fn as_systems(database: PathBuf) {
    let sources = RegionSources {
        regions: vec![COUNTRIES.with_borrow(path_of)],
        systems: Some(database),
    };
    if let Ok(table) = RegionTable::load(&sources) {
        look_up(&table);
        let australia = "1.0.0.1".parse().expect("an address");
        assert_eq!(table.lookup_ip(australia).code(), "AU");
    }
}

fn look_up(table: &RegionTable) {
    for probe in PROBES {
        let address = probe.parse().expect("an address");
        let region = table.lookup_ip(address);
        assert_eq!(Region::from_index(region.index()), Some(region));
        assert_ne!(table.asn_ip(address), Some(0));
    }
}

/// A line that was accepted is the table's answer at both its ends, but for bogons.
fn check_line(table: &RegionTable, line: &[u8]) {
    let text = String::from_utf8_lossy(line);
    if text.starts_with('#') {
        return;
    }
    let mut fields = text.trim_end_matches('\r').split(',');
    let (Some(first), Some(last), Some(code)) = (fields.next(), fields.next(), fields.next()) else {
        return;
    };
    let expected = if code == "??" { "ZZ" } else { code };
    for end in [first, last] {
        let address = end
            .parse::<u32>()
            .map(|number| std::net::Ipv4Addr::from_bits(number).into())
            .or_else(|_| end.parse::<std::net::IpAddr>());
        if let Ok(address) = address {
            let found = table.lookup_ip(address);
            assert!(
                found == Region::BOGON || found.code() == expected,
                "{text} is in the file, and {address} is said to be in {}",
                found.code()
            );
        }
    }
}

/// A file in memory that ends with this process.
fn nameless_file() -> File {
    tempfile::tempfile_in("/dev/shm")
        .or_else(|_| tempfile::tempfile())
        .expect("a temporary file can be made")
}

fn path_of(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}
