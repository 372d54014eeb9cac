//! Seeds of region databases: the text of Debian's package, and the smallest mmdb files.

use super::Seed;
use crate::mmdb::{Value, Writer, country};

const TEXT_V4: &str = "# Generated: Thu, 25 Jun 2026 04:33:59 GMT
16777216,16777471,AU
16777472,16778239,CN
2147483648,2147483903,??
";
const TEXT_V6: &str = "2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP
2a00::,2a00:ffff::,NL
";

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds = vec![
        ("text-v4".to_owned(), TEXT_V4.into()),
        ("text-v6".to_owned(), TEXT_V6.into()),
        ("text-both".to_owned(), [TEXT_V4, TEXT_V6].concat().into()),
        ("text-empty".to_owned(), b"# nothing\n".to_vec()),
    ];
    let values = [
        ("country", country("JP")),
        ("country-code", only("country_code", Value::text("NL"))),
        ("system", only("autonomous_system_number", Value::Number(64_496))),
        ("asn", only("asn", Value::text("AS64496"))),
    ];
    for (name, value) in values {
        for (version, bits) in [(4, 24), (6, 28), (6, 32)] {
            seeds.push((
                format!("mmdb-{name}-{version}-{bits}"),
                mmdb(version, bits, &value),
            ));
        }
    }
    seeds
}

fn only(key: &'static str, value: Value) -> Value {
    Value::Map(vec![(key, value)])
}

/// One network: `1.0.0.0/8`, or `100::/8`.
fn mmdb(ip_version: u16, bits: u16, value: &Value) -> Vec<u8> {
    let mut writer = Writer::new(ip_version, bits);
    if ip_version == 4 {
        writer.add_v4(0x0100_0000, 0x01ff_ffff, value);
    } else {
        writer.add_v6(1 << 120, (1 << 121) - 1, value);
    }
    writer.bytes()
}
