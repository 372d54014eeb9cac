//! What scanners and victims put into their datagrams.

/// A SIP OPTIONS request as `SIPVicious` 0.3 sends it (`svhelper.py`), with fixed tags.
pub(super) const SIP_OPTIONS: &[u8] = b"OPTIONS sip:100@1.1.1.1 SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-2084413573;rport\r\n\
Max-Forwards: 70\r\n\
To: \"sipvicious\"<sip:100@1.1.1.1>\r\n\
From: \"sipvicious\"<sip:100@1.1.1.1>;tag=6364393162613138313363340133383736313534353134\r\n\
User-Agent: friendly-scanner\r\n\
Call-ID: 763209851436270155438123\r\n\
Contact: sip:100@192.0.2.1:5060\r\n\
CSeq: 1 OPTIONS\r\n\
Accept: application/sdp\r\n\
Content-Length: 0\r\n\r\n";

/// A question for `version.bind`, class CHAOS, type TXT (RFC 4892).
pub(super) const DNS_QUESTION: &[u8] =
    b"\x4e\x67\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04bind\x00\x00\x10\x00\x03";

/// A DNS answer that refuses (RFC 1035, section 4.1.1: QR set, RCODE 5), question included.
pub(super) const DNS_ANSWER: &[u8] =
    b"\x4e\x67\x81\x05\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01";

/// An NTP client request, version 4 (RFC 5905, section 7.3).
pub(super) const NTP_REQUEST: &[u8] = &{
    let mut request = [0; 48];
    request[0] = 0x23;
    request
};

/// An SSDP search (`UPnP` Device Architecture 1.1, section 1.3.2).
pub(super) const SSDP_SEARCH: &[u8] =
    b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n";

/// `stats`, behind the frame header of memcached's UDP protocol (`protocol.txt`).
pub(super) const MEMCACHED_STATS: &[u8] = b"\x00\x00\x00\x00\x00\x01\x00\x00stats\r\n";

/// Data of an echo request: 32 octets, as one common `ping` fills them.
pub(super) const ECHO_DATA: &[u8] = b"abcdefghijklmnopqrstuvwabcdefghi";
