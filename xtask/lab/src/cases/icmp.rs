//! Cases of ICMP and `ICMPv6`: types, codes, and each in the other's place.

use sensor_common::{
    Class::{self, Backscatter, Other, Scan},
    Outcome,
};

use super::{Case, DARK, Expected, V4_TRANSPORT, V6_TRANSPORT, v4, v6};
use crate::frames::{Content, Edit as _, Icmp, Ipv4, Tcp};

pub(super) fn cases() -> Vec<Case> {
    [
        truncated(),
        types(),
        types_v6(),
        errors_that_quote(),
        in_the_others_place(),
    ]
    .concat()
}

fn truncated() -> Vec<Case> {
    let echo = v4(Content::Icmp(Icmp::of(8, 0)));
    let echo_v6 = v6(Content::Icmpv6(Icmp::of(128, 0)));
    let mut cases = Vec::new();
    for bytes in 0..4 {
        cases.push(Case::new(
            format!("icmp_cut_after_{bytes}"),
            echo.clone().cut(V4_TRANSPORT + bytes),
            Expected::nothing_but(Outcome::TruncatedIcmp),
        ));
        cases.push(Case::new(
            format!("icmpv6_cut_after_{bytes}"),
            echo_v6.clone().cut(V6_TRANSPORT + bytes),
            Expected::nothing_but(Outcome::TruncatedIcmp),
        ));
    }
    cases.push(Case::new(
        "icmp_of_4_octets",
        v4(Content::Raw(1, vec![8, 0, 0xf7, 0xff])),
        Expected::icmp(Scan, 8, 0),
    ));
    cases.push(Case::new(
        "icmpv6_of_4_octets",
        v6(Content::Raw(58, vec![128, 0, 0, 0])),
        Expected::icmpv6(Scan, 128, 0),
    ));
    cases.push(Case::new(
        "icmp_of_3_octets_and_padding",
        v4(Content::Raw(1, vec![8, 0, 0xf7])).padded(),
        Expected::nothing_but(Outcome::TruncatedIcmp),
    ));
    cases.push(Case::new(
        "icmp_tiny_first_fragment",
        Ipv4 {
            fragment: Ipv4::MORE_FRAGMENTS,
            ..Ipv4::to(DARK)
        }
        .frame(Content::Icmp(Icmp::of(8, 0))),
        Expected::icmp(Scan, 8, 0),
    ));
    cases
}

fn types() -> Vec<Case> {
    let known: [(u8, u8, Class); 30] = [
        (0, 0, Backscatter),  // echo reply
        (1, 0, Other),        // unassigned
        (2, 0, Other),        // unassigned
        (3, 0, Backscatter),  // network unreachable
        (3, 1, Backscatter),  // host unreachable
        (3, 3, Backscatter),  // port unreachable
        (3, 13, Backscatter), // administratively prohibited
        (4, 0, Backscatter),  // source quench
        (5, 1, Backscatter),  // redirect for a host
        (6, 0, Other),        // alternate host address
        (7, 0, Other),        // unassigned
        (8, 0, Scan),         // echo request
        (8, 9, Scan),         // echo request with a code that only fingerprinting tools send
        (9, 0, Other),        // router advertisement
        (10, 0, Other),       // router solicitation
        (11, 0, Backscatter), // time to live exceeded
        (11, 1, Backscatter), // reassembly time exceeded
        (12, 0, Backscatter), // parameter problem
        (13, 0, Other),       // timestamp request
        (14, 0, Backscatter), // timestamp reply
        (15, 0, Other),       // information request
        (16, 0, Backscatter), // information reply
        (17, 0, Other),       // address mask request
        (18, 0, Backscatter), // address mask reply
        (19, 0, Other),       // reserved
        (30, 0, Other),       // traceroute
        (42, 0, Other),       // extended echo request
        (43, 0, Other),       // extended echo reply
        (128, 0, Other),      // an ICMPv6 type
        (255, 255, Other),    // reserved
    ];
    known
        .into_iter()
        .map(|(kind, code, class)| {
            Case::new(
                format!("icmp_{kind}_{code}"),
                v4(Content::Icmp(Icmp::of(kind, code))),
                Expected::icmp(class, kind, code),
            )
        })
        .collect()
}

fn types_v6() -> Vec<Case> {
    let known: [(u8, u8, Class); 18] = [
        (0, 0, Other),         // reserved
        (1, 0, Backscatter),   // no route to destination
        (1, 4, Backscatter),   // port unreachable
        (2, 0, Backscatter),   // packet too big
        (3, 0, Backscatter),   // hop limit exceeded
        (4, 1, Backscatter),   // parameter problem, unknown next header
        (5, 0, Other),         // unassigned
        (8, 0, Other),         // an ICMP type
        (127, 0, Other),       // reserved for new errors
        (128, 0, Scan),        // echo request
        (128, 255, Scan),      // echo request with a code
        (129, 0, Backscatter), // echo reply
        (130, 0, Other),       // multicast listener query
        (133, 0, Other),       // router solicitation
        (135, 0, Other),       // neighbour solicitation
        (136, 0, Other),       // neighbour advertisement
        (137, 0, Other),       // redirect
        (255, 0, Other),       // reserved
    ];
    known
        .into_iter()
        .map(|(kind, code, class)| {
            Case::new(
                format!("icmpv6_{kind}_{code}"),
                v6(Content::Icmpv6(Icmp::of(kind, code))),
                Expected::icmpv6(class, kind, code),
            )
        })
        .collect()
}

/// The quoted packet is not looked into: it is what somebody sent in our name.
fn errors_that_quote() -> Vec<Case> {
    let quoted = Ipv4 {
        source: DARK,
        ..Ipv4::to([192, 0, 2, 1].into())
    }
    .packet(Tcp::syn(80));
    vec![
        Case::new(
            "icmp_port_unreachable_with_a_quoted_syn",
            v4(Content::Icmp(Icmp {
                rest: [&[0; 4], &quoted[..28]].concat(),
                ..Icmp::of(3, 3)
            })),
            Expected::icmp(Backscatter, 3, 3),
        ),
        Case::new(
            "icmp_error_cut_within_the_quote",
            v4(Content::Icmp(Icmp {
                rest: [&[0; 4], &quoted[..28]].concat(),
                ..Icmp::of(11, 0)
            }))
            .cut(V4_TRANSPORT + 12),
            Expected::icmp(Backscatter, 11, 0),
        ),
        Case::new(
            "icmp_wrong_checksum_is_counted",
            v4(Content::Icmp(Icmp::of(8, 0))).with(V4_TRANSPORT + 2, &[0xde, 0xad]),
            Expected::icmp(Scan, 8, 0),
        ),
    ]
}

fn in_the_others_place() -> Vec<Case> {
    vec![
        Case::new(
            "icmpv6_inside_ipv4_is_only_a_number",
            v4(Content::Icmpv6(Icmp::of(128, 0))),
            Expected::other(58),
        ),
        Case::new(
            "icmp_inside_ipv6_is_only_a_number",
            v6(Content::Icmp(Icmp::of(8, 0))),
            Expected::other(1).over_ipv6(),
        ),
        Case::new(
            "icmp_inside_ipv6_of_1_octet",
            v6(Content::Raw(1, vec![8])),
            Expected::other(1).over_ipv6(),
        ),
    ]
}
