//! Seeds of payloads: what scanners and common probes send, bare and in whole frames, and files of samples.

use super::{Seed, captures};
use crate::{
    cases::Case,
    frames::{Content, Ipv4, Tcp, Udp},
};

/// Agents of known scanners, and what is meant to harm whoever looks.
const AGENTS: [&[u8]; 12] = [
    b"friendly-scanner",
    b"sipcli/v1.8",
    b"sundayddr",
    b"VaxSIPUserAgent/3.1",
    b"pplsip",
    b"sipsak 0.9.6",
    b"smap 0.6.0",
    b"\x1b[2J\x1b]0;title\x07",
    b"=HYPERLINK(\"http://x\")",
    b"\xe2\x80\xaefriendly-scanner",
    b"a\",\"b\"\nc",
    b"\xff\xfe\xc0\x80",
];

/// What is sent over UDP, and where to.
const DATAGRAMS: [(&str, u16, &[u8]); 6] = [
    (
        "dns",
        53,
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04bind\x00\x00\x10\x00\x03",
    ),
    ("ntp-monlist", 123, b"\x17\x00\x03\x2a\x00\x00\x00\x00"),
    (
        "ssdp",
        1_900,
        b"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n\r\n",
    ),
    ("memcached", 11_211, b"\x00\x00\x00\x00\x00\x01\x00\x00stats\r\n"),
    ("sip-answer", 5_060, b"SIP/2.0 200 OK\r\n\r\n"),
    (
        "sip-nmap",
        5_060,
        b"OPTIONS sip:nm SIP/2.0\r\nFrom: <sip:nm@nm>;tag=root\r\n\r\n",
    ),
];

/// What is sent over TCP, and where to.
const SEGMENTS: [(&str, u16, &[u8]); 5] = [
    ("tls", 443, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("http", 80, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("http-options", 80, b"OPTIONS * HTTP/1.1\r\n\r\n"),
    ("redis", 6_379, b"*1\r\n$4\r\nINFO\r\n"),
    ("telnet", 23, b"\xff\xfd\x01\xff\xfd\x1f"),
];

/// A table as a user may write it.
const TABLE: &[u8] = b"[[probe]]\nname = \"quic\"\ntransport = \"udp\"\nports = [443]\npattern = \"c? 00 00 00 01\"\nsource = \"RFC 9000\"\n";

pub(super) fn seeds(cases: &[Case]) -> std::io::Result<Vec<Seed>> {
    let mut seeds = vec![("table".to_owned(), TABLE.to_vec())];
    for (number, agent) in AGENTS.into_iter().enumerate() {
        let request = sip(agent);
        seeds.push((format!("sip-{number}-frame"), frame(Udp::to(5_060, &request))));
        seeds.push((format!("sip-{number}-nested"), sip(&request)));
        seeds.push((format!("sip-{number}-cut"), request[..request.len() - 7].to_vec()));
        seeds.push((format!("sip-{number}"), request));
    }
    for (name, port, payload) in DATAGRAMS {
        seeds.push((name.to_owned(), payload.to_vec()));
        seeds.push((format!("{name}-frame"), frame(Udp::to(port, payload))));
    }
    for (name, port, payload) in SEGMENTS {
        let segment = Tcp {
            payload: payload.to_vec(),
            ..Tcp::syn(port)
        };
        seeds.push((name.to_owned(), payload.to_vec()));
        seeds.push((format!("{name}-frame"), frame(segment)));
    }
    // One case of each kind of header is enough: those of tools differ in numbers alone.
    let headers = cases.iter().filter(|case| !case.name.contains("but_for_bit"));
    seeds.extend(headers.map(|case| (format!("case-{}", case.name), case.frame.clone())));
    let files = captures::seeds(cases)?.into_iter();
    seeds.extend(files.filter(|(name, _)| name.starts_with("pcapng")));
    Ok(seeds)
}

fn sip(agent: &[u8]) -> Vec<u8> {
    [
        b"OPTIONS sip:100@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060\r\n\
          From: \"sipvicious\"<sip:100@1.1.1.1>;tag=1\r\nUser-Agent: ",
        agent,
        b"\r\nContent-Length: 0\r\n\r\n",
    ]
    .concat()
}

fn frame(content: impl Into<Content>) -> Vec<u8> {
    Ipv4::to([198, 51, 100, 23].into()).frame(content)
}
