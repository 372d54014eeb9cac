//! Names of ports and regions.

// The daemon's own table: one for both.
#[path = "../../../../sensor-user/src/region/names/table.rs"]
mod regions;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Language;
use crate::model::{Port, Region};

const REGISTRY: &str = include_str!("services.txt");

/// Names that the field uses rather than those of the registry; sorted by port.
const PREFERRED: [(u16, &str, &str); 3] = [(80, "tcp", "http"), (443, "tcp", "https"), (3_389, "tcp", "rdp")];

static SERVICES: LazyLock<HashMap<(u16, &str), &str>> = LazyLock::new(|| {
    let lines = REGISTRY.lines().filter(|line| !line.starts_with('#'));
    let mut names: HashMap<_, _> = lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((
                (words.next()?.parse().ok()?, words.next()?),
                words.next().filter(|name| !name.is_empty())?,
            ))
        })
        .collect();
    names.extend(
        PREFERRED
            .iter()
            .map(|(port, transport, name)| ((*port, *transport), *name)),
    );
    names
});

/// A port with the name of its service, where it has one: `23/TCP (telnet)`.
pub(crate) fn port(port: &Port, language: Language) -> String {
    let transport = port.transport.0.as_str();
    let name = match (transport, port.number) {
        ("icmp", 0) => Some(language.either("エコー要求", "echo request")),
        _ => SERVICES.get(&(port.number, transport)).copied(),
    };
    match (name, language) {
        (None, _) => port.to_string(),
        (Some(name), Language::Japanese) => format!("{port}（{name}）"),
        (Some(name), Language::English) => format!("{port} ({name})"),
    }
}

/// Whether English puts an article before a region's name.
pub(crate) fn has_article(code: &str) -> bool {
    const WITH: [&str; 14] = [
        "AE", "BS", "CD", "CF", "DO", "FK", "GB", "GM", "MV", "NL", "PH", "SC", "US", "VI",
    ];
    WITH.contains(&code)
}

/// A region's name; its code where none is known.
pub(crate) fn region(region: &Region, language: Language) -> &str {
    let code = region.0.as_str();
    let row = [regions::ASSIGNED, regions::OTHERS].into_iter().find_map(|rows| {
        let place = rows.binary_search_by_key(&code, |row| row.0).ok()?;
        rows.get(place)
    });
    row.map_or(code, |(_, english, japanese)| {
        language.either(*japanese, *english)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named_as_reports_of_the_field_name_them() {
        for (of, japanese, english) in [
            ("23/tcp", "23/TCP（telnet）", "23/TCP (telnet)"),
            ("6379/tcp", "6379/TCP（redis）", "6379/TCP (redis)"),
            ("80/tcp", "80/TCP（http）", "80/TCP (http)"),
            ("22/tcp", "22/TCP（ssh）", "22/TCP (ssh)"),
            ("445/tcp", "445/TCP（microsoft-ds）", "445/TCP (microsoft-ds)"),
            ("5060/udp", "5060/UDP（sip）", "5060/UDP (sip)"),
            ("81/tcp", "81/TCP", "81/TCP"),
            ("0/icmp", "0/ICMP（エコー要求）", "0/ICMP (echo request)"),
        ] {
            let of: Port = of.parse().unwrap();
            assert_eq!(port(&of, Language::Japanese), japanese);
            assert_eq!(port(&of, Language::English), english);
        }
    }

    #[test]
    fn regions_are_named_in_both_languages_and_unknown_codes_stand_for_themselves() {
        for (code, japanese, english) in [
            ("US", "米国", "United States"),
            ("GB", "英国", "United Kingdom"),
            ("KR", "韓国", "South Korea"),
            ("TW", "台湾", "Taiwan"),
            ("QQ", "QQ", "QQ"),
        ] {
            let of = Region(code.to_owned());
            assert_eq!(region(&of, Language::Japanese), japanese);
            assert_eq!(region(&of, Language::English), english);
        }
    }
}
