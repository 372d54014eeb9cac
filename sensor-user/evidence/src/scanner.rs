//! SIP scanners that are known by what their requests say: a table that a user extends in TOML.

use serde::Deserialize;

use crate::{
    escape::is_label,
    probe::{ProbeError, closed},
    sip::Request,
};

/// The table that is always there.
const BUILT_IN: &str = include_str!("scanners.toml");
/// The most names of a table: each may become a series.
pub const MOST_SCANNERS: usize = 32;
/// The most entries of a table, built-in ones included.
const MOST_ENTRIES: usize = 256;
/// The most octets of a sign.
const MOST_OCTETS: usize = 128;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    sip: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    agent: Option<String>,
    from: Option<String>,
    target: Option<String>,
    source: String,
}

/// What a request shows.
enum Sign {
    Agent(String),
    From(String),
    Target(String),
}

/// The table.
#[derive(Default)]
pub struct Scanners {
    signs: Vec<(Sign, usize)>,
    labels: Vec<String>,
}

impl Scanners {
    /// The entries `[[sip]]` of a user's table, and after them the built-in ones.
    ///
    /// # Errors
    /// The user's table is not in the form that the built-in one shows.
    pub fn with(user: &str) -> Result<Self, ProbeError> {
        let mut table = Self::default();
        for text in [user, BUILT_IN] {
            let file: File = toml::from_str(text).map_err(|error| ProbeError::Syntax(error.to_string()))?;
            for (place, entry) in file.sip.into_iter().enumerate() {
                table.add(entry).map_err(|cause| ProbeError::Entry {
                    entry: place + 1,
                    cause,
                })?;
            }
        }
        closed("entries", table.signs.len(), MOST_ENTRIES)?;
        closed("names", table.labels.len(), MOST_SCANNERS)?;
        Ok(table)
    }

    fn add(&mut self, entry: Entry) -> Result<(), &'static str> {
        if !is_label(&entry.name) {
            return Err("`name` is a-z, 0-9 and _, a letter first, at most 32");
        }
        if entry.source.trim().is_empty() {
            return Err("`source` says where the sign was read");
        }
        let (sign, words) = match (entry.agent, entry.from, entry.target) {
            (Some(words), None, None) => (Sign::Agent as fn(String) -> Sign, words),
            (None, Some(words), None) => (Sign::From as fn(String) -> Sign, words),
            (None, None, Some(words)) => (Sign::Target as fn(String) -> Sign, words),
            _ => return Err("it has one of `agent`, `from` and `target`"),
        };
        if words.is_empty() || words.len() > MOST_OCTETS || !words.is_ascii() {
            return Err("a sign is 1 to 128 characters of ASCII");
        }
        let known = self.labels.iter().position(|label| *label == entry.name);
        let label = known.unwrap_or_else(|| {
            self.labels.push(entry.name);
            self.labels.len() - 1
        });
        self.signs.push((sign(words), label));
        Ok(())
    }

    /// The labels: a closed set.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Which of the labels a request has, by its place in [`Self::labels`].
    #[must_use]
    pub fn of(&self, request: &Request<'_>) -> Option<usize> {
        let (_, label) = self.signs.iter().find(|(sign, _)| sign.is_shown_by(request))?;
        Some(*label)
    }
}

impl Sign {
    fn is_shown_by(&self, request: &Request<'_>) -> bool {
        match self {
            Self::Agent(words) => request.user_agent.is_some_and(|agent| contains(agent, words)),
            Self::From(words) => request
                .from
                .is_some_and(|from| contains(display_name(from), words)),
            Self::Target(words) => request.target.eq_ignore_ascii_case(words.as_bytes()),
        }
    }
}

/// What stands before the address.
fn display_name(from: &[u8]) -> &[u8] {
    from.split(|octet| *octet == b'<').next().unwrap_or_default()
}

/// Whether words are in a text, whatever the case of their letters.
fn contains(text: &[u8], words: &str) -> bool {
    text.windows(words.len())
        .any(|place| place.eq_ignore_ascii_case(words.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanner(table: &Scanners, headers: &[u8]) -> Option<String> {
        let text = [
            b"OPTIONS sip:100@198.51.100.1 SIP/2.0\r\n".as_slice(),
            headers,
            b"\r\n\r\n",
        ]
        .concat();
        let request = Request::read(&text).unwrap();
        table.of(&request).map(|place| table.labels()[place].clone())
    }

    #[test]
    fn known_scanners_are_named_and_nobody_else() {
        let table = Scanners::with("").unwrap();
        for (headers, tool) in [
            ("User-Agent: friendly-scanner", Some("sipvicious")),
            (
                "From: \"sipvicious\"<sip:100@1.1.1.1>; tag=3132",
                Some("sipvicious"),
            ),
            ("f: \"SIPVicious\" <sip:100@1.1.1.1>", Some("sipvicious")),
            // In the address of somebody who calls himself so, not in the name.
            ("From: <sip:sipvicious@example.org>", None),
            ("user-agent:sipcli/v1.8", Some("sipcli")),
            ("USER-AGENT : sundayddr", Some("sundayddr")),
            ("User-Agent: VaxSIPUserAgent/3.1", Some("vaxsipuseragent")),
            ("User-Agent: pplsip", Some("pplsip")),
            ("User-Agent: sipsak 0.9.6", Some("sipsak")),
            ("User-Agent: smap 0.6.0", Some("smap")),
            ("User-Agent: sip-scan", Some("sip_scan")),
            ("User-Agent: iWar", Some("iwar")),
            ("User-Agent: My Scanner", Some("other_scanner")),
            ("User-Agent: Asterisk PBX 18", None),
            ("X-Agent: friendly-scanner", None),
            // The first of a name counts.
            ("User-Agent: Asterisk\r\nUser-Agent: friendly-scanner", None),
        ] {
            assert_eq!(scanner(&table, headers.as_bytes()).as_deref(), tool, "{headers}");
        }
        let nmap = b"OPTIONS sip:nm SIP/2.0\r\nFrom: <sip:nm@nm>;tag=root\r\n\r\n";
        let place = table.of(&Request::read(nmap).unwrap()).unwrap();
        assert_eq!(table.labels()[place], "nmap");
    }

    #[test]
    fn a_sign_with_one_bit_wrong_names_nobody_or_another() {
        let table = Scanners::with("").unwrap();
        for (header, sign, name, otherwise) in [
            (
                "User-Agent: ",
                "friendly-scanner",
                "sipvicious",
                Some("other_scanner"),
            ),
            ("From: ", "\"sipvicious\"<sip:100@1.1.1.1>", "sipvicious", None),
            ("User-Agent: ", "sipcli", "sipcli", None),
            ("User-Agent: ", "sundayddr", "sundayddr", None),
            ("User-Agent: ", "VaxSIPUserAgent", "vaxsipuseragent", None),
            ("User-Agent: ", "pplsip", "pplsip", None),
            ("User-Agent: ", "sipsak", "sipsak", None),
        ] {
            let whole = [header, sign].concat();
            assert_eq!(scanner(&table, whole.as_bytes()).as_deref(), Some(name));
            let words = name.len().min(sign.len());
            let from = sign.to_ascii_lowercase().find(name).unwrap_or(0);
            for bit in 0..8 * words {
                let mut wrong = whole.clone().into_bytes();
                let at = header.len() + from + bit / 8;
                wrong[at] ^= 1 << (bit % 8);
                let is_case = wrong[at].eq_ignore_ascii_case(&whole.as_bytes()[at]);
                let breaks_line = matches!(wrong[at], b'\n' | b'\r');
                let found = scanner(&table, &wrong);
                if is_case {
                    assert_eq!(found.as_deref(), Some(name), "{sign} but for the case of {bit}");
                } else if !breaks_line {
                    assert!(
                        found.is_none() || found.as_deref() == otherwise,
                        "{sign} but for bit {bit}: {found:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn labels_are_a_closed_set_each_with_its_source() {
        let table = Scanners::with("").unwrap();
        assert!(table.labels().iter().all(|name| is_label(name)));
        let file: File = toml::from_str(BUILT_IN).unwrap();
        assert!(file.sip.iter().all(|entry| entry.source.len() > 10));
    }

    #[test]
    fn a_user_adds_scanners_and_cannot_add_what_is_no_label() {
        let entry =
            |name: &str, rest: &str| format!("[[sip]]\nname = \"{name}\"\nsource = \"ours\"\n{rest}\n");
        let table = Scanners::with(&entry("mr_sip", "agent = \"Mr.SIP\"")).unwrap();
        assert_eq!(
            scanner(&table, b"User-Agent: mr.sip 3").as_deref(),
            Some("mr_sip")
        );
        // The built-in `other_scanner` would have it.
        let table = Scanners::with(&entry("ours", "agent = \"our-scanner/\"")).unwrap();
        assert_eq!(
            scanner(&table, b"User-Agent: our-scanner/1").as_deref(),
            Some("ours")
        );
        for (name, rest) in [
            ("Bad\\u001b[2J", "agent = \"a\""),
            ("a", ""),
            ("a", "agent = \"a\"\nfrom = \"a\""),
            ("a", "agent = \"\""),
            ("a", "from = \"国\""),
            ("a", "agent = \"a\"\nunknown = 1"),
        ] {
            assert!(Scanners::with(&entry(name, rest)).is_err(), "{name} {rest}");
        }
        let many: String = (0..MOST_SCANNERS)
            .map(|number| entry(&format!("s{number}"), "agent = \"x\""))
            .collect();
        assert!(matches!(
            Scanners::with(&many),
            Err(ProbeError::TooMany { what: "names", .. })
        ));
    }
}
