//! Cases of TCP: lengths, data offsets, flags and ports.

use sensor_common::Outcome;

use super::{Case, DARK, Expected, V4_TRANSPORT, V6_TRANSPORT, v4, v6};
use crate::frames::{
    Edit as _, Ipv4, Tcp,
    flags::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG},
};

pub(super) fn cases() -> Vec<Case> {
    [
        truncated(),
        data_offsets(),
        flag_combinations(),
        ports(),
        payloads(),
    ]
    .concat()
}

fn truncated() -> Vec<Case> {
    let mut cases = Vec::new();
    for bytes in [0, 1, 2, 4, 8, 13, 14, 19] {
        cases.push(Case::new(
            format!("tcp_cut_after_{bytes}"),
            v4(Tcp::syn(23)).cut(V4_TRANSPORT + bytes),
            Expected::nothing_but(Outcome::TruncatedTcp),
        ));
    }
    for bytes in [0, 4, 19] {
        cases.push(Case::new(
            format!("tcp_over_ipv6_cut_after_{bytes}"),
            v6(Tcp::syn(23)).cut(V6_TRANSPORT + bytes),
            Expected::nothing_but(Outcome::TruncatedTcp),
        ));
    }
    cases
}

fn data_offsets() -> Vec<Case> {
    let mut cases = Vec::new();
    for words in 0..5 {
        cases.push(Case::new(
            format!("tcp_data_offset_{words}"),
            v4(Tcp {
                data_offset: Some(words),
                ..Tcp::syn(23)
            }),
            Expected::nothing_but(Outcome::BadTcpDataOffset),
        ));
    }
    for words in 5..16_u8 {
        let options = vec![1; usize::from(words - 5) * 4];
        cases.push(Case::new(
            format!("tcp_data_offset_{words}"),
            v4(Tcp {
                options: options.clone(),
                ..Tcp::syn(23)
            }),
            Expected::tcp_scan(23),
        ));
        if words > 5 {
            cases.push(Case::new(
                format!("tcp_data_offset_{words}_one_word_beyond_the_segment"),
                v4(Tcp {
                    data_offset: Some(words),
                    options: options[4..].to_vec(),
                    ..Tcp::syn(23)
                }),
                Expected::nothing_but(Outcome::BadTcpDataOffset),
            ));
        }
    }
    // By its length the segment has them all: ports and flags are there, whatever became of the options.
    cases.push(Case::new(
        "tcp_options_cut_by_the_frame",
        v4(Tcp {
            options: vec![1; 40],
            ..Tcp::syn(23)
        })
        .cut(V4_TRANSPORT + 20),
        Expected::tcp_scan(23),
    ));
    // Enough bytes in the frame, too few in the packet: padding is no option.
    cases.push(Case::new(
        "tcp_data_offset_reaches_into_padding",
        v4(Tcp {
            data_offset: Some(6),
            ..Tcp::syn(23)
        })
        .padded(),
        Expected::nothing_but(Outcome::BadTcpDataOffset),
    ));
    cases
}

fn flag_combinations() -> Vec<Case> {
    enum Means {
        Scan,
        Backscatter,
        Other,
    }
    use Means::{Backscatter, Other, Scan};
    let mut cases = Vec::new();
    for (name, flags, means) in [
        ("syn", SYN, Scan),
        ("syn_ece_cwr", SYN | ECE | CWR, Scan),
        ("syn_ece", SYN | ECE, Scan),
        ("syn_cwr", SYN | CWR, Scan),
        ("syn_psh", SYN | PSH, Scan),
        ("syn_urg", SYN | URG, Scan),
        ("syn_psh_urg", SYN | PSH | URG, Scan),
        ("syn_ack", SYN | ACK, Backscatter),
        ("syn_ack_ece", SYN | ACK | ECE, Backscatter),
        ("syn_ack_fin", SYN | ACK | FIN, Backscatter),
        ("rst", RST, Backscatter),
        ("rst_ack", RST | ACK, Backscatter),
        ("rst_psh_ack", RST | PSH | ACK, Backscatter),
        ("rst_fin", RST | FIN, Backscatter),
        ("syn_rst", SYN | RST, Backscatter),
        ("syn_rst_fin", SYN | RST | FIN, Backscatter),
        ("all", 0xff, Backscatter),
        ("syn_fin", SYN | FIN, Other),
        ("syn_fin_ece_cwr", SYN | FIN | ECE | CWR, Other),
        ("fin", FIN, Other),
        ("fin_ack", FIN | ACK, Other),
        ("ack", ACK, Other),
        ("psh_ack", PSH | ACK, Other),
        ("psh", PSH, Other),
        ("urg", URG, Other),
        ("ece_cwr", ECE | CWR, Other),
        ("null", 0, Other),
        ("xmas", FIN | PSH | URG, Other),
        ("xmas_with_ece_cwr", FIN | PSH | URG | ECE | CWR, Other),
    ] {
        let segment = Tcp {
            source: 443,
            ..Tcp::with_flags(40_000, flags)
        };
        let expected = match means {
            Scan => Expected::tcp_scan(40_000),
            Backscatter => Expected::tcp_backscatter(443, 40_000),
            Other => Expected::tcp_other(40_000),
        };
        cases.push(Case::new(
            format!("tcp_flags_{name}"),
            v4(segment.clone()),
            expected,
        ));
        cases.push(Case::new(
            format!("tcp_flags_{name}_over_ipv6"),
            v6(segment),
            expected.over_ipv6(),
        ));
    }
    cases
}

fn ports() -> Vec<Case> {
    let mut cases = Vec::new();
    for port in [
        0, 1, 22, 23, 80, 255, 256, 443, 1_023, 1_024, 2_323, 32_767, 32_768, 60_023, 65_534, 65_535,
    ] {
        cases.push(Case::new(
            format!("tcp_to_port_{port}"),
            v4(Tcp::syn(port)),
            Expected::tcp_scan(port),
        ));
        cases.push(Case::new(
            format!("tcp_answer_from_port_{port}"),
            v4(Tcp {
                source: port,
                ..Tcp::with_flags(51_966, SYN | ACK)
            }),
            Expected::tcp_backscatter(port, 51_966),
        ));
    }
    cases.push(Case::new(
        "tcp_from_port_0_to_port_0",
        v4(Tcp {
            source: 0,
            ..Tcp::syn(0)
        }),
        Expected::tcp_scan(0),
    ));
    cases.push(Case::new(
        "tcp_answer_from_port_0_to_port_0",
        v4(Tcp {
            source: 0,
            ..Tcp::with_flags(0, RST | ACK)
        }),
        Expected::tcp_backscatter(0, 0),
    ));
    cases
}

fn payloads() -> Vec<Case> {
    let with = |bytes: usize| Tcp {
        payload: vec![0xaa; bytes],
        ..Tcp::syn(445)
    };
    let mut cases = vec![
        Case::new(
            "tcp_wrong_checksum_is_counted",
            v4(Tcp::syn(445)).with(V4_TRANSPORT + 16, &[0xde, 0xad]),
            Expected::tcp_scan(445),
        ),
        Case::new(
            "tcp_padded_to_60",
            v4(Tcp::syn(445)).padded(),
            Expected::tcp_scan(445),
        ),
        // The header is there; that the payload is not changes no count.
        Case::new(
            "tcp_payload_cut_by_the_frame",
            v4(with(100)).cut(V4_TRANSPORT + 20),
            Expected::tcp_scan(445),
        ),
    ];
    for frame_bytes in [64, 65, 128, 256, 1_514, 1_518, 2_048, 3_000, 3_400] {
        cases.push(Case::new(
            format!("tcp_syn_in_a_frame_of_{frame_bytes}"),
            Ipv4::to(DARK).frame(with(frame_bytes - V4_TRANSPORT - 20)),
            Expected::tcp_scan(445),
        ));
    }
    cases
}
