use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{NetHeaders, PacketHeaders, PayloadSlice, TransportHeader};

use super::*;

const V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 23);
const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xfeed, 0, 0, 0, 0, 0x23);

fn transport_payload<'a>(headers: &PacketHeaders<'a>) -> &'a [u8] {
    match headers.payload {
        PayloadSlice::Tcp(bytes)
        | PayloadSlice::Udp(bytes)
        | PayloadSlice::Icmpv4(bytes)
        | PayloadSlice::Icmpv6(bytes) => bytes,
        ref other => panic!("no transport payload: {other:?}"),
    }
}

/// Reads the frame with etherparse, and compares its checksums with etherparse's own.
fn assert_checksums(frame: &[u8]) {
    let headers = PacketHeaders::from_ethernet_slice(frame).unwrap();
    let payload = transport_payload(&headers);
    let (found, right) = match (headers.net.as_ref().unwrap(), headers.transport.as_ref().unwrap()) {
        (NetHeaders::Ipv4(ip, _), TransportHeader::Tcp(tcp)) => {
            (tcp.checksum, tcp.calc_checksum_ipv4(ip, payload).unwrap())
        }
        (NetHeaders::Ipv4(ip, _), TransportHeader::Udp(udp)) => {
            (udp.checksum, udp.calc_checksum_ipv4(ip, payload).unwrap())
        }
        (NetHeaders::Ipv6(ip, _), TransportHeader::Tcp(tcp)) => {
            (tcp.checksum, tcp.calc_checksum_ipv6(ip, payload).unwrap())
        }
        (NetHeaders::Ipv6(ip, _), TransportHeader::Udp(udp)) => {
            (udp.checksum, udp.calc_checksum_ipv6(ip, payload).unwrap())
        }
        (NetHeaders::Ipv4(..), TransportHeader::Icmpv4(icmp)) => {
            (icmp.checksum, icmp.icmp_type.calc_checksum(payload))
        }
        (NetHeaders::Ipv6(ip, _), TransportHeader::Icmpv6(icmp)) => (
            icmp.checksum,
            icmp.icmp_type
                .calc_checksum(ip.source, ip.destination, payload)
                .unwrap(),
        ),
        other => panic!("unexpected headers: {other:?}"),
    };
    assert_eq!(found, right);
    if let Some(NetHeaders::Ipv4(ip, _)) = &headers.net {
        assert_eq!(ip.header_checksum, ip.calc_header_checksum());
    }
}

#[test]
fn checksums_are_what_another_library_computes() {
    for bytes in 0..40 {
        let payload = vec![0xa5; bytes];
        let tcp = Tcp {
            payload: payload.clone(),
            options: vec![2, 4, 5, 0xb4, 1, 3, 3, 7],
            ..Tcp::syn(443)
        };
        let udp = Udp::to(5060, &payload);
        let echo = |kind| Icmp {
            rest: [&[0, 1, 0, 1], &payload[..]].concat(),
            ..Icmp::of(kind, 0)
        };
        let ipv4 = Ipv4 {
            options: vec![1; 8],
            ..Ipv4::to(V4)
        };
        assert_checksums(&ipv4.frame(tcp.clone()));
        assert_checksums(&ipv4.frame(udp.clone()));
        assert_checksums(&ipv4.frame(Content::Icmp(echo(8))));
        assert_checksums(&Ipv6::to(V6).frame(tcp));
        assert_checksums(&Ipv6::to(V6).frame(udp));
        assert_checksums(&Ipv6::to(V6).frame(Content::Icmpv6(echo(128))));
    }
}

#[test]
fn fields_stand_where_another_library_reads_them() {
    let frame = Ipv4 {
        ttl: 9,
        id: 54321,
        fragment: Ipv4::DONT_FRAGMENT,
        ..Ipv4::to(V4)
    }
    .frame_in(
        &Ethernet::tagged(&[Tag::vlan(7)]),
        Tcp {
            source: 1234,
            sequence: 0xdead_beef,
            acknowledgement: 0x1122_3344,
            window: 1024,
            ..Tcp::with_flags(23, flags::SYN | flags::ECE)
        },
    );
    let headers = PacketHeaders::from_ethernet_slice(&frame).unwrap();
    assert_eq!(headers.vlan_ids()[..], [7.try_into().unwrap()]);
    let Some(NetHeaders::Ipv4(ip, _)) = headers.net else {
        panic!("no IPv4")
    };
    assert_eq!((ip.time_to_live, ip.identification), (9, 54321));
    assert_eq!(Ipv4Addr::from(ip.destination), V4);
    assert!(ip.dont_fragment && !ip.more_fragments);
    let Some(TransportHeader::Tcp(tcp)) = headers.transport else {
        panic!("no TCP")
    };
    assert_eq!((tcp.source_port, tcp.destination_port), (1234, 23));
    assert_eq!(
        (tcp.sequence_number, tcp.acknowledgment_number, tcp.window_size),
        (0xdead_beef, 0x1122_3344, 1024)
    );
    assert!(tcp.syn && tcp.ece && !tcp.ack);
}

#[test]
fn extension_headers_form_a_chain_that_another_library_follows() {
    let frame = Ipv6 {
        extensions: vec![
            Extension::padding(0, 0),
            Extension::padding(43, 1),
            Extension::authentication(12),
            Extension::fragment(0, false),
            Extension::padding(60, 2),
        ],
        ..Ipv6::to(V6)
    }
    .frame(Tcp::syn(23));
    let ip = &frame[14..];
    let (header, rest) = etherparse::Ipv6Header::from_slice(ip).unwrap();
    let mut protocol = header.next_header;
    let mut rest = rest;
    for expected in [0, 43, 51, 44, 60] {
        assert_eq!(protocol.0, expected);
        let (next, after) = etherparse::Ipv6Header::skip_header_extension_in_slice(rest, protocol).unwrap();
        (protocol, rest) = (next, after);
    }
    assert_eq!((protocol.0, rest.len()), (6, 20));
}

#[test]
fn edits_change_what_they_say() {
    let frame = vec![1, 2, 3];
    assert_eq!(frame.clone().with(1, &[9]), [1, 9, 3]);
    assert_eq!(frame.clone().with(2, &[9, 9]), [1, 2, 9, 9]);
    assert_eq!(frame.clone().cut(2), [1, 2]);
    assert_eq!(frame.clone().padded().len(), 60);
    assert_eq!(frame.followed_by(&[4]), [1, 2, 3, 4]);
}
