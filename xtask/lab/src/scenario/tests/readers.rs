//! What another library reads in the frames: their checksums, and the manners of the tools.

use etherparse::{NetHeaders, PacketHeaders, PayloadSlice, TransportHeader};

use super::*;

/// Compares the checksums with those that another library computes.
fn assert_checksums(frame: &[u8]) {
    let headers = PacketHeaders::from_ethernet_slice(frame).unwrap();
    let payload = match headers.payload {
        PayloadSlice::Tcp(bytes)
        | PayloadSlice::Udp(bytes)
        | PayloadSlice::Icmpv4(bytes)
        | PayloadSlice::Icmpv6(bytes) => bytes,
        _ => &[],
    };
    if let Some(NetHeaders::Ipv4(ip, _)) = &headers.net {
        assert_eq!(ip.header_checksum, ip.calc_header_checksum());
    }
    match (headers.net.as_ref(), headers.transport.as_ref()) {
        (Some(NetHeaders::Ipv4(ip, _)), Some(TransportHeader::Tcp(tcp))) => {
            assert_eq!(tcp.checksum, tcp.calc_checksum_ipv4(ip, payload).unwrap());
        }
        (Some(NetHeaders::Ipv4(ip, _)), Some(TransportHeader::Udp(udp))) => {
            assert_eq!(udp.checksum, udp.calc_checksum_ipv4(ip, payload).unwrap());
        }
        (Some(NetHeaders::Ipv6(ip, _)), Some(TransportHeader::Tcp(tcp))) => {
            assert_eq!(tcp.checksum, tcp.calc_checksum_ipv6(ip, payload).unwrap());
        }
        (Some(NetHeaders::Ipv4(..)), Some(TransportHeader::Icmpv4(icmp))) => {
            assert_eq!(icmp.checksum, icmp.icmp_type.calc_checksum(payload));
            if icmp.icmp_type.header_len() == 8 && payload.first() == Some(&0x45) {
                let (quoted, _) = etherparse::Ipv4Header::from_slice(payload).unwrap();
                assert_eq!(quoted.header_checksum, quoted.calc_header_checksum());
            }
        }
        (Some(NetHeaders::Ipv6(ip, _)), Some(TransportHeader::Icmpv6(icmp))) => {
            let right = icmp.icmp_type.calc_checksum(ip.source, ip.destination, payload);
            assert_eq!(icmp.checksum, right.unwrap());
        }
        _ => {}
    }
}

#[test]
fn filled_in_checksums_are_what_another_library_computes() {
    let plan = plan(50_000);
    let prefixes = Prefixes::from(plan.watched.clone());
    let mut checked = 0;
    each_frame(&mut Scenario::new(&plan).unwrap(), |frame| {
        if classify_ethernet(frame, &prefixes).is_ok() {
            assert_checksums(frame);
            checked += 1;
        }
    });
    assert!(checked > 40_000);
}

/// The manner of a SYN by the rules of the tools, read with another library.
fn manner(frame: &[u8]) -> Option<Tool> {
    let headers = PacketHeaders::from_ethernet_slice(frame).ok()?;
    let (Some(NetHeaders::Ipv4(ip, _)), Some(transport)) = (headers.net, headers.transport) else {
        return None;
    };
    let tcp = match transport {
        TransportHeader::Tcp(tcp) if tcp.syn && !tcp.ack && !tcp.rst && !tcp.fin => tcp,
        TransportHeader::Udp(udp) if udp.destination_port == 5_060 => {
            let PayloadSlice::Udp(payload) = headers.payload else {
                return None;
            };
            let text = str::from_utf8(payload).unwrap();
            let marked =
                text.starts_with("OPTIONS ") && text.contains("\r\nUser-Agent: friendly-scanner\r\n");
            return marked.then_some(Tool::SipVicious);
        }
        _ => return None,
    };
    let destination = u32::from_be_bytes(ip.destination);
    let masscan = destination ^ u32::from(tcp.destination_port) ^ tcp.sequence_number;
    let masscan = u32::from(ip.identification) == masscan & 0xffff;
    let mss = [2, 4, 5, 0xb4];
    let zmap_new = [2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
    Some(match (tcp.window_size, &tcp.options.as_slice()) {
        _ if tcp.sequence_number == destination => Tool::Mirai,
        (1_024, []) if masscan && ip.time_to_live > 200 => Tool::Masscan,
        (1_025, options) if masscan && **options == mss => Tool::MasscanNew,
        (1_024, options) if **options == mss && ip.time_to_live < 60 => Tool::Nmap,
        (4_128, options) if **options == mss && ip.time_to_live > 200 => Tool::Unicornscan,
        (65_535, []) if ip.identification == 54_321 && ip.time_to_live > 200 => Tool::Zmap,
        (65_535, options) if **options == zmap_new && !ip.dont_fragment => Tool::ZmapNew,
        (64_240, options) if options.len() == 20 => Tool::Plain,
        other => panic!("nobody's manner: {other:?}"),
    })
}

#[test]
fn tools_are_told_apart_by_their_rules() {
    let plan = plan(200_000);
    let prefixes = Prefixes::from(plan.watched.clone());
    let mut tools = [0; Tool::ALL.len()];
    let mut marks = BTreeMap::new();
    let mut tally = Tally::default();
    let mut scenario = Scenario::new(&plan).unwrap();
    each_frame(&mut scenario, |frame| {
        tally.add(frame, &prefixes);
        let observed = classify_ethernet(frame, &prefixes);
        for mark in observed.iter().flat_map(|packet| packet.tools.tools()) {
            *marks.entry(mark.name()).or_default() += 1;
        }
        if observed.is_ok_and(|packet| packet.family == Family::Ipv4)
            && let Some(tool) = manner(frame)
        {
            tools[tool as usize] += 1;
        }
    });
    assert_eq!(scenario.truth().tools, tools);
    assert_eq!(
        scenario.truth().marks,
        marks,
        "the marks of the scenario, and of the classifier"
    );
    assert_eq!(tally.tools, marks, "the same by another reader");
    assert_eq!(
        marks.len(),
        sensor_common::tool::Tool::COUNT,
        "each tool is there"
    );
    assert!(tools.iter().all(|packets| *packets > 1_000), "{tools:?}");
}
