//! Seeds of region databases: the text of Debian's package, and the smallest mmdb files.

use super::Seed;

const TEXT_V4: &str = "# Generated: Thu, 25 Jun 2026 04:33:59 GMT
16777216,16777471,AU
16777472,16778239,CN
2147483648,2147483903,??
";
const TEXT_V6: &str = "2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP
2a00::,2a00:ffff::,NL
";

/// What begins the metadata (`MaxMind` DB format, section *database metadata*).
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

pub(super) fn seeds() -> Vec<Seed> {
    let country = [map(1), text("country"), map(1), text("iso_code"), text("JP")].concat();
    let country_code = [map(1), text("country_code"), text("NL")].concat();
    let system = [map(1), text("autonomous_system_number"), number(64_496)].concat();
    let asn = [map(1), text("asn"), text("AS64496")].concat();
    let mut seeds = vec![
        ("text-v4".to_owned(), TEXT_V4.into()),
        ("text-v6".to_owned(), TEXT_V6.into()),
        ("text-both".to_owned(), [TEXT_V4, TEXT_V6].concat().into()),
        ("text-empty".to_owned(), b"# nothing\n".to_vec()),
    ];
    let records = [
        ("country", country),
        ("country-code", country_code),
        ("system", system),
        ("asn", asn),
    ];
    for (name, record) in records {
        for (version, bits) in [(4, 24), (6, 28), (6, 32)] {
            seeds.push((
                format!("mmdb-{name}-{version}-{bits}"),
                mmdb(version, bits, &record),
            ));
        }
    }
    seeds
}

/// A tree of eight nodes, whose last leads to the record on both sides: `1.0.0.0/8`, or `100::/8`.
fn mmdb(ip_version: u8, bits: u8, record: &[u8]) -> Vec<u8> {
    const NODES: u32 = 8;
    const ADDRESS: u8 = 1;
    let mut bytes = Vec::new();
    for node in 0..NODES {
        let onward = if node + 1 == NODES { NODES + 16 } else { node + 1 };
        let right = ADDRESS >> (NODES - 1 - node) & 1 == 1;
        let sides = if right { [NODES, onward] } else { [onward, NODES] };
        let [[_, l2, l1, l0], [_, r2, r1, r0]] = sides.map(u32::to_be_bytes);
        match bits {
            24 => bytes.extend([l2, l1, l0, r2, r1, r0]),
            28 => bytes.extend([l2, l1, l0, 0, r2, r1, r0]),
            _ => bytes.extend([0, l2, l1, l0, 0, r2, r1, r0]),
        }
    }
    bytes.extend([0; 16]);
    bytes.extend(record);
    bytes.extend(MARKER);
    let metadata = [
        map(9),
        text("binary_format_major_version"),
        vec![0xa1, 2],
        text("binary_format_minor_version"),
        vec![0xa0],
        text("build_epoch"),
        // An unsigned number of 64 bits: type 9, four octets.
        [&[4, 2][..], &1_700_000_000_u32.to_be_bytes()].concat(),
        text("database_type"),
        text("Seed"),
        text("description"),
        map(0),
        text("ip_version"),
        vec![0xa1, ip_version],
        text("languages"),
        // An empty array: type 11.
        vec![0, 4],
        text("node_count"),
        number(NODES),
        text("record_size"),
        vec![0xa1, bits],
    ];
    bytes.extend(metadata.concat());
    bytes
}

/// A map of fewer than 29 entries.
fn map(entries: u8) -> Vec<u8> {
    vec![0xe0 | entries]
}

/// A text of fewer than 285 octets.
fn text(text: &str) -> Vec<u8> {
    let size = u8::try_from(text.len()).unwrap_or(28);
    let mut bytes = match size {
        0..29 => vec![0x40 | size],
        _ => vec![0x40 + 29, size - 29],
    };
    bytes.extend(text.as_bytes());
    bytes
}

/// An unsigned number of 32 bits.
fn number(number: u32) -> Vec<u8> {
    [&[0xc4][..], &number.to_be_bytes()].concat()
}
