//! What a SIP request says of its sender (RFC 3261).

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
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanner::Scanners;

    fn options(headers: &str) -> String {
        format!(
            "OPTIONS sip:100@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060\r\n{headers}\r\n\r\n"
        )
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
        assert_eq!(Request::read(text.as_bytes()).unwrap().user_agent, None);
    }

    #[test]
    fn a_request_cut_anywhere_is_read_as_far_as_it_goes() {
        let text = options("From: \"sipvicious\"<sip:100@1.1.1.1>\r\nUser-Agent: friendly-scanner");
        let scanners = Scanners::with("").unwrap();
        let mut seen = false;
        for cut in 0..=text.len() {
            if let Some(request) = Request::read(&text.as_bytes()[..cut]) {
                assert_eq!(request.method, "OPTIONS");
                seen |= scanners.of(&request).is_some();
            }
        }
        assert!(seen);
    }
}
