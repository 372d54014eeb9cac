//! Probes that are known by port and first octets: a table that a user extends in TOML.

use serde::Deserialize;

use crate::{escape::is_label, packet::Transport, scanner::Scanners};

/// The table that is always there.
const BUILT_IN: &str = include_str!("probes.toml");
/// The most entries of a table, built in ones included.
const MOST_ENTRIES: usize = 256;
/// The most labels of a table: each may become a series.
pub const MOST_LABELS: usize = 32;
/// The most octets of a pattern.
const MOST_OCTETS: usize = 128;

/// What is wrong with a table of probes or scanners.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProbeError {
    /// It is no TOML, or has a key that cannot be.
    #[error("the table of probes cannot be read: {0}")]
    Syntax(String),
    /// An entry's value cannot be.
    #[error("entry {entry} of the table of probes: {cause}")]
    Entry {
        /// Which, from 1 on.
        entry: usize,
        /// What is wrong, and how it is right.
        cause: &'static str,
    },
    /// Too many.
    #[error("the table of probes has too many {what}: at most {most}, built-in ones included")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most.
        most: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    probe: Vec<Entry>,
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "the scanners read it; here it is known, so that no other key passes"
    )]
    sip: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    transport: String,
    #[serde(default)]
    ports: Vec<u16>,
    pattern: Option<String>,
    text: Option<String>,
    source: String,
}

struct Probe {
    label: usize,
    transport: Transport,
    ports: Vec<u16>,
    /// Value and mask of each octet.
    octets: Vec<(u8, u8)>,
}

/// The table.
pub struct Probes {
    entries: Vec<Probe>,
    labels: Vec<String>,
    scanners: Scanners,
}

impl Default for Probes {
    fn default() -> Self {
        // A test holds the built-in table good.
        Self::with("").unwrap_or(Self {
            entries: Vec::new(),
            labels: Vec::new(),
            scanners: Scanners::default(),
        })
    }
}

impl Probes {
    /// The entries `[[probe]]` and `[[sip]]` of a user's table, and after them the built-in ones, so that a user can tell
    /// apart what those have one name for. The first that fits names a payload.
    ///
    /// # Errors
    /// The user's table is not in the form that the built-in one shows.
    pub fn with(user: &str) -> Result<Self, ProbeError> {
        let mut table = Self {
            entries: Vec::new(),
            labels: Vec::new(),
            scanners: Scanners::with(user)?,
        };
        for text in [user, BUILT_IN] {
            let file: File = toml::from_str(text).map_err(|error| ProbeError::Syntax(error.to_string()))?;
            for (place, entry) in file.probe.iter().enumerate() {
                table.add(entry).map_err(|cause| ProbeError::Entry {
                    entry: place + 1,
                    cause,
                })?;
            }
        }
        closed("entries", table.entries.len(), MOST_ENTRIES)?;
        closed("names", table.labels.len(), MOST_LABELS)?;
        Ok(table)
    }

    fn add(&mut self, entry: &Entry) -> Result<(), &'static str> {
        if !is_label(&entry.name) {
            return Err("`name` is a-z, 0-9 and _, a letter first, at most 32");
        }
        if entry.source.trim().is_empty() {
            return Err("`source` says where the form of the probe is written down");
        }
        let transport = match entry.transport.as_str() {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return Err("`transport` is \"tcp\" or \"udp\""),
        };
        let octets = match (&entry.pattern, &entry.text) {
            (Some(pattern), None) => parse(pattern)?,
            (None, Some(text)) if text.is_ascii() => text.bytes().map(|octet| (octet, u8::MAX)).collect(),
            (None, Some(_)) => return Err("`text` is ASCII; use `pattern` for other octets"),
            _ => return Err("it has either `pattern` or `text`"),
        };
        if octets.is_empty() || octets.len() > MOST_OCTETS {
            return Err("`pattern` or `text` has 1 to 128 octets");
        }
        let known = self.labels.iter().position(|label| *label == entry.name);
        let label = known.unwrap_or_else(|| {
            self.labels.push(entry.name.clone());
            self.labels.len() - 1
        });
        self.entries.push(Probe {
            label,
            transport,
            ports: entry.ports.clone(),
            octets,
        });
        Ok(())
    }

    /// The labels: a closed set.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The SIP scanners of the same table.
    #[must_use]
    pub fn scanners(&self) -> &Scanners {
        &self.scanners
    }

    /// Which of the labels a payload has, by its place in [`Self::labels`].
    #[must_use]
    pub fn of(&self, transport: Transport, port: u16, payload: &[u8]) -> Option<usize> {
        self.entries
            .iter()
            .find(|probe| probe.fits(transport, port, payload))
            .map(|probe| probe.label)
    }
}

impl Probe {
    fn fits(&self, transport: Transport, port: u16, payload: &[u8]) -> bool {
        self.transport == transport
            && (self.ports.is_empty() || self.ports.contains(&port))
            && payload.len() >= self.octets.len()
            && payload
                .iter()
                .zip(&self.octets)
                .all(|(octet, (value, mask))| octet & mask == *value)
    }
}

/// Whether there are not too many.
pub(crate) fn closed(what: &'static str, count: usize, most: usize) -> Result<(), ProbeError> {
    if count > most {
        return Err(ProbeError::TooMany { what, most });
    }
    Ok(())
}

fn parse(pattern: &str) -> Result<Vec<(u8, u8)>, &'static str> {
    const FORM: &str = "`pattern` is pairs of hexadecimal digits, ? for any";
    let digits: Vec<char> = pattern.chars().filter(|digit| *digit != ' ').collect();
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err(FORM);
    };
    let digit = |digit: char| match digit {
        '?' => Some((0, 0)),
        _ => u8::try_from(digit.to_digit(16)?).ok().map(|value| (value, 15)),
    };
    pairs
        .iter()
        .map(|[upper, lower]| {
            let ((upper, upper_mask), (lower, lower_mask)) = (digit(*upper)?, digit(*lower)?);
            Some((upper << 4 | lower, upper_mask << 4 | lower_mask))
        })
        .collect::<Option<_>>()
        .ok_or(FORM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_probes_have_their_label_on_their_port() {
        let probes = Probes::default();
        for (transport, port, payload, label) in [
            (
                Transport::Tcp,
                443,
                &[0x16, 3, 1, 2, 0, 1, 0, 1][..],
                Some("tls_client_hello"),
            ),
            (
                Transport::Tcp,
                8443,
                &[0x16, 3, 3, 2, 0, 1][..],
                Some("tls_client_hello"),
            ),
            // A server's hello.
            (Transport::Tcp, 443, &[0x16, 3, 3, 2, 0, 2][..], None),
            (Transport::Tcp, 80, b"GET / HTTP/1.1\r\n", Some("http_request")),
            (Transport::Tcp, 6379, b"*1\r\n$4\r\nINFO\r\n", Some("redis")),
            (Transport::Tcp, 23, &[0xff, 0xfd, 1][..], Some("telnet")),
            (
                Transport::Udp,
                1900,
                b"M-SEARCH * HTTP/1.1\r\n",
                Some("ssdp_search"),
            ),
            (Transport::Udp, 1901, b"M-SEARCH * HTTP/1.1\r\n", None),
            (
                Transport::Udp,
                53,
                b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www",
                Some("dns_query"),
            ),
            (
                Transport::Udp,
                123,
                &[0x17, 0, 3, 0x2a, 0, 0, 0, 0],
                Some("ntp_monlist"),
            ),
            (Transport::Udp, 123, &[0x23, 0, 3, 0x2a, 0, 0, 0, 0], None),
            (
                Transport::Udp,
                11211,
                b"\0\0\0\0\0\x01\0\0stats\r\n",
                Some("memcached"),
            ),
            (Transport::Udp, 53, b"\x12", None),
            (Transport::Udp, 53, b"", None),
        ] {
            let found = probes.of(transport, port, payload);
            assert_eq!(
                found.map(|place| probes.labels()[place].as_str()),
                label,
                "{port} {payload:?}"
            );
        }
    }

    #[test]
    fn a_user_adds_probes_and_cannot_add_what_is_no_label() {
        let entry = |name: &str, rest: &str| {
            format!("[[probe]]\nname = \"{name}\"\ntransport = \"udp\"\nsource = \"ours\"\n{rest}\n")
        };
        let probes = Probes::with(&entry(
            "quic_initial",
            "ports = [443]\npattern = \"c? 00 00 00 01\"",
        ))
        .unwrap();
        let place = probes.of(Transport::Udp, 443, &[0xc3, 0, 0, 0, 1, 8]).unwrap();
        assert_eq!(probes.labels()[place], "quic_initial");
        let narrower =
            "[[probe]]\nname = \"shell\"\ntransport = \"tcp\"\ntext = \"GET /shell\"\nsource = \"ours\"\n";
        let probes = Probes::with(narrower).unwrap();
        for (payload, name) in [
            (&b"GET /shell?cd"[..], "shell"),
            (b"GET / HTTP/1.1", "http_request"),
        ] {
            let place = probes.of(Transport::Tcp, 80, payload).unwrap();
            assert_eq!(probes.labels()[place], name);
        }
        for (name, rest) in [
            ("Bad\\u001b[2J", "text = \"a\""),
            ("a", ""),
            ("a", "text = \"a\"\npattern = \"00\""),
            ("a", "pattern = \"0\""),
            ("a", "pattern = \"zz\""),
            ("a", "text = \"国\""),
            ("a", "text = \"\""),
            ("a", "unknown = 1"),
        ] {
            assert!(Probes::with(&entry(name, rest)).is_err(), "{name} {rest}");
        }
    }

    #[test]
    fn labels_stay_within_their_number() {
        let mut many = String::new();
        for number in 0..MOST_LABELS {
            many.push_str("[[probe]]\ntransport = \"udp\"\ntext = \"x\"\nsource = \"ours\"\nname = \"p");
            many.push_str(&number.to_string());
            many.push_str("\"\n");
        }
        assert!(matches!(
            Probes::with(&many),
            Err(ProbeError::TooMany { what: "names", .. })
        ));
    }
}
