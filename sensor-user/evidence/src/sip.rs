//! What a SIP request says of its sender (RFC 3261), and which scanner it is.

/// The scanners that are told apart. The names are labels: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SipTool(usize);

/// A rule: the words in the request that show a tool, in lower case.
struct Rule {
    name: &'static str,
    sign: Sign,
    /// Where the sign was read.
    source: &'static str,
}

enum Sign {
    /// In `User-Agent`, wherever in it.
    Agent(&'static str),
    /// In `User-Agent`, or the display name of `From`.
    AgentOrFrom(&'static str, &'static str),
    /// The target of the request line, whole.
    Target(&'static str),
}

const KAMAILIO: &str = "kamailio, etc/kamailio.cfg, route[REQINIT]: agents that it drops as scanners";
const NETCAP: &str = "netcap, its SIP decoder's list of known attack tools";

/// In order of trial.
const RULES: [Rule; 12] = [
    Rule {
        name: "sipvicious",
        sign: Sign::AgentOrFrom("friendly-scanner", "sipvicious"),
        source: "sipvicious, libs/svhelper.py and svmap.py: User-Agent `friendly-scanner`, From `\"sipvicious\"`",
    },
    Rule {
        name: "sipvicious",
        sign: Sign::Agent("sipvicious"),
        source: KAMAILIO,
    },
    Rule {
        name: "sipcli",
        sign: Sign::Agent("sipcli"),
        source: KAMAILIO,
    },
    Rule {
        name: "sundayddr",
        sign: Sign::Agent("sundayddr"),
        source: NETCAP,
    },
    Rule {
        name: "vaxsipuseragent",
        sign: Sign::Agent("vaxsipuseragent"),
        source: KAMAILIO,
    },
    Rule {
        name: "pplsip",
        sign: Sign::Agent("pplsip"),
        source: KAMAILIO,
    },
    Rule {
        name: "sipsak",
        sign: Sign::Agent("sipsak"),
        source: "sipsak, request.c: User-Agent `sipsak` and its version",
    },
    Rule {
        name: "nmap",
        sign: Sign::Target("sip:nm"),
        source: "nmap, nmap-service-probes: the probe SIPOptions",
    },
    Rule {
        name: "smap",
        sign: Sign::Agent("smap "),
        source: "smap: User-Agent `smap` and its version",
    },
    Rule {
        name: "sip_scan",
        sign: Sign::Agent("sip-scan"),
        source: NETCAP,
    },
    Rule {
        name: "iwar",
        sign: Sign::Agent("iwar"),
        source: NETCAP,
    },
    Rule {
        name: "other_scanner",
        sign: Sign::Agent("scanner"),
        source: KAMAILIO,
    },
];

impl SipTool {
    /// Every tool, each once.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..RULES.len())
            .map(Self)
            .filter(|tool| RULES[..tool.0].iter().all(|before| before.name != tool.name()))
    }

    /// The label.
    #[must_use]
    pub fn name(self) -> &'static str {
        RULES[self.0].name
    }

    /// Where its sign was read.
    #[must_use]
    pub fn source(self) -> &'static str {
        RULES[self.0].source
    }
}

/// The methods of RFC 3261 and its extensions. A closed set: whatever else stands there is no request.
pub const METHODS: [&str; 14] = [
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "REFER",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
];

/// Octets of a request that are looked at.
const MOST_OCTETS: usize = 65_536;
/// Lines of its header that are looked at.
const MOST_LINES: usize = 64;

/// A SIP request, as far as it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// One of [`METHODS`].
    pub method: &'static str,
    /// What is asked for: a stranger's octets.
    pub target: &'a [u8],
    /// `User-Agent`: a stranger's octets.
    pub user_agent: Option<&'a [u8]>,
    /// `From`: a stranger's octets.
    pub from: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Reads a payload. `None` where its first line is no request line of SIP, as far as it is there.
    #[must_use]
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        let payload = &payload[..payload.len().min(MOST_OCTETS)];
        let mut lines = payload.split(|octet| *octet == b'\n').map(without_return);
        let mut words = lines.next()?.split(|octet| *octet == b' ');
        let method = words.next()?;
        let method = METHODS.into_iter().find(|name| name.as_bytes() == method)?;
        let target = words.next()?;
        let version = words.next();
        let is_sip = match version {
            Some(version) => version.eq_ignore_ascii_case(b"SIP/2.0"),
            // Cut off: the target alone has to tell it from HTTP's OPTIONS.
            None => starts_with(target, b"sip:") || starts_with(target, b"sips:"),
        };
        if !is_sip || words.next().is_some() {
            return None;
        }
        let mut request = Self {
            method,
            target,
            user_agent: None,
            from: None,
        };
        for line in lines.take(MOST_LINES) {
            if line.is_empty() {
                break;
            }
            request.take(line);
        }
        Some(request)
    }

    fn take(&mut self, line: &'a [u8]) {
        let Some(colon) = line.iter().position(|octet| *octet == b':') else {
            return;
        };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        // The first counts; `f` is the short form (RFC 3261, section 7.3.3).
        if name.eq_ignore_ascii_case(b"user-agent") {
            self.user_agent.get_or_insert(value);
        } else if name.eq_ignore_ascii_case(b"from") || name.eq_ignore_ascii_case(b"f") {
            self.from.get_or_insert(value);
        }
    }

    /// The scanner that sent it, if it is a known one.
    #[must_use]
    pub fn tool(&self) -> Option<SipTool> {
        RULES.iter().position(|rule| self.shows(&rule.sign)).map(|place| {
            let name = RULES[place].name;
            // Several rules may be of one tool, which is the first of them.
            SipTool(RULES.iter().position(|rule| rule.name == name).unwrap_or(place))
        })
    }

    fn shows(&self, sign: &Sign) -> bool {
        let agent = |word: &str| {
            self.user_agent
                .is_some_and(|agent| contains(agent, word.as_bytes()))
        };
        match sign {
            Sign::Agent(word) => agent(word),
            Sign::AgentOrFrom(word, name) => {
                agent(word)
                    || self
                        .from
                        .is_some_and(|from| contains(display_name(from), name.as_bytes()))
            }
            Sign::Target(target) => self.target.eq_ignore_ascii_case(target.as_bytes()),
        }
    }
}

/// What stands before the address.
fn display_name(from: &[u8]) -> &[u8] {
    from.split(|octet| *octet == b'<').next().unwrap_or_default()
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Whether a word is in a text, whatever the case of its letters.
fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|place| place.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escape::is_label;

    fn options(headers: &str) -> String {
        format!(
            "OPTIONS sip:100@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060\r\n{headers}\r\n\r\n"
        )
    }

    #[test]
    fn known_scanners_are_named_and_nobody_else() {
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
            ("User-Agent: My Scanner", Some("other_scanner")),
            ("User-Agent: Asterisk PBX 18", None),
            ("X-Agent: friendly-scanner", None),
            // The first of a name counts.
            ("User-Agent: Asterisk\r\nUser-Agent: friendly-scanner", None),
        ] {
            let text = options(headers);
            let request = Request::read(text.as_bytes()).unwrap();
            assert_eq!(request.tool().map(SipTool::name), tool, "{headers}");
        }
        let nmap = b"OPTIONS sip:nm SIP/2.0\r\nFrom: <sip:nm@nm>;tag=root\r\n\r\n";
        assert_eq!(
            Request::read(nmap).unwrap().tool().map(SipTool::name),
            Some("nmap")
        );
    }

    #[test]
    fn what_is_no_request_of_sip_is_not_taken_for_one() {
        for payload in [
            &b""[..],
            b"OPTIONS",
            b"OPTIONS * HTTP/1.1\r\n\r\n",
            b"OPTIONS sip:a@b HTTP/1.1\r\n\r\n",
            b"SIP/2.0 200 OK\r\n\r\n",
            b"options sip:a@b SIP/2.0\r\n",
            b"OPTIONS sip:a@b SIP/2.0 more\r\n",
            b"\0\0\0\0",
        ] {
            assert_eq!(Request::read(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn headers_behind_the_empty_line_are_the_body() {
        let text = "INVITE sip:a@b SIP/2.0\r\nFrom: <sip:x@y>\r\n\r\nUser-Agent: friendly-scanner\r\n";
        assert_eq!(Request::read(text.as_bytes()).unwrap().tool(), None);
    }

    #[test]
    fn a_request_cut_anywhere_is_read_as_far_as_it_goes() {
        let text = options("From: \"sipvicious\"<sip:100@1.1.1.1>\r\nUser-Agent: friendly-scanner");
        let mut seen = false;
        for cut in 0..=text.len() {
            if let Some(request) = Request::read(&text.as_bytes()[..cut]) {
                assert_eq!(request.method, "OPTIONS");
                seen |= request.tool().is_some();
            }
        }
        assert!(seen);
    }

    #[test]
    fn labels_are_a_closed_set_each_with_its_source() {
        let names: Vec<_> = SipTool::all().map(SipTool::name).collect();
        assert!(names.iter().all(|name| is_label(name)));
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert!(RULES.iter().all(|rule| rule.source.len() > 10));
    }
}
