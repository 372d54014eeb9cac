use super::*;

/// A SYN that no rule knows.
const PLAIN: Probe = Probe {
    source_port: 40_000,
    destination_port: 23,
    sequence: 0x1234_5678,
    destination: 0xc633_6417,
    window: 64_240,
    ttl: 54,
    identification: 1,
    dont_fragment: true,
    length: 60,
};
const MSS: Options = Options::four([2, 4, 5, 0xb4]);

fn marks(probe: Probe, options: Options) -> Marks {
    Marks::of(&probe, || options)
}

#[test]
fn a_plain_syn_has_no_mark_and_its_options_are_not_read() {
    let marks = Marks::of(&PLAIN, || panic!("no rule may hold"));
    assert_eq!(marks, Marks::NONE);
}

#[test]
fn mirai_is_a_sequence_number_that_is_the_destination_to_the_bit() {
    let mirai = Probe {
        sequence: PLAIN.destination,
        ..PLAIN
    };
    assert_eq!(marks(mirai, Options::OTHER).tools, ToolSet::MIRAI);
    for bit in 0..32 {
        let probe = Probe {
            sequence: PLAIN.destination ^ 1 << bit,
            ..PLAIN
        };
        assert_eq!(marks(probe, Options::NONE), Marks::NONE, "{bit}");
    }
}

#[test]
fn what_a_masscan_packet_says_of_itself_is_its_mark_and_else_a_near_miss() {
    // 0xc6336417 ^ 23 ^ 0x12345678 is 0xd4073278.
    let masscan = Probe {
        window: 1_024,
        ttl: 240,
        identification: 0x3278,
        ..PLAIN
    };
    assert_eq!(
        marks(masscan, Options::NONE).tools.tools().collect::<Vec<_>>(),
        [Tool::Masscan]
    );
    for bit in 0..16 {
        let probe = Probe {
            identification: 0x3278 ^ 1 << bit,
            ..masscan
        };
        let tools = marks(probe, Options::NONE).tools;
        assert_eq!(
            (tools.marks(), tools.near_miss()),
            (ToolSet::NONE, Some(Tool::Masscan))
        );
    }
    let newer = Probe {
        window: 1_025,
        ..masscan
    };
    assert_eq!(
        marks(newer, MSS).tools.tools().collect::<Vec<_>>(),
        [Tool::Masscan2023]
    );
    assert_eq!(
        marks(newer, Options::NONE),
        Marks::NONE,
        "a sign that does not agree"
    );
}

#[test]
fn two_probes_of_one_nmap_scan_have_one_signature_and_strangers_have_not() {
    let nmap = |sequence| {
        let probe = Probe {
            window: 1_024,
            ttl: 40,
            sequence,
            ..PLAIN
        };
        let marks = marks(probe, MSS);
        assert_eq!(marks.tools.tools().collect::<Vec<_>>(), [Tool::Nmap]);
        marks.signature
    };
    let mask = 0xdead_1234;
    for number in [0, 1, 0x7fff, 0xffff] {
        assert_eq!(nmap(mask ^ (number << 16 | number)), nmap(mask), "{number}");
    }
    assert_ne!(nmap(mask ^ 1), nmap(mask));
    assert_ne!(nmap(mask ^ 0x8000_0000), nmap(mask));
}

#[test]
fn the_key_of_a_unicornscan_is_the_same_whatever_it_asks_for() {
    let key = 0x0bad_cafe_u32;
    for (destination, destination_port, source_port) in [
        ([198, 51, 100, 1], 80_u16, 4_097_u16),
        ([198, 51, 100, 254], 65_535, 65_535),
        ([10, 0, 0, 1], 1, 33_333),
    ] {
        // As the tool does it: the address as it lies in memory, lowest octet first.
        let ports = (u32::from(destination_port) << 16).wrapping_add(u32::from(source_port));
        let sequence = key ^ (u32::from_le_bytes(destination) ^ ports);
        let probe = Probe {
            source_port,
            destination_port,
            sequence,
            destination: u32::from_be_bytes(destination),
            window: 4_128,
            ttl: 250,
            ..PLAIN
        };
        let marks = marks(probe, MSS);
        assert_eq!(
            (marks.tools, marks.signature),
            (Tool::Unicornscan.mark(), key),
            "{destination:?}"
        );
    }
}

#[test]
fn names_are_there_once_and_fit_a_label() {
    for (place, tool) in Tool::ALL.iter().enumerate() {
        let name = tool.name();
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        );
        assert!(
            Tool::ALL[..place].iter().all(|other| other.name() != name),
            "{name} twice"
        );
        assert!(
            !tool.rule().source.is_empty(),
            "{name} is not known from anywhere"
        );
    }
}

#[test]
fn each_rule_can_be_passed_over_by_one_comparison() {
    for tool in Tool::ALL {
        let rule = tool.rule();
        assert!(
            rule.windows.sizes().is_some() || rule.test == Test::SequenceIsDestination,
            "{} would be asked of every SYN",
            tool.name()
        );
    }
}

#[test]
fn a_packet_is_a_near_miss_of_one_tool_and_has_one_signature_at_most() {
    for (place, one) in Tool::ALL.iter().enumerate() {
        for other in &Tool::ALL[..place] {
            let (a, b) = (one.rule(), other.rule());
            let both_short = a.test.is_short() && b.test.is_short();
            let both_signed = a.signature != Signature::None && b.signature != Signature::None;
            if both_short || both_signed {
                let meet = |a: &Rule, b: &Rule| match (a.windows.sizes(), b.windows.sizes()) {
                    (Some(a), Some(b)) => a.iter().any(|size| b.contains(size)),
                    _ => true,
                };
                let apart = !meet(a, b) || a.ttl.1 < b.ttl.0 || b.ttl.1 < a.ttl.0;
                assert!(apart, "{} and {} cannot be told apart", one.name(), other.name());
            }
        }
    }
}

#[test]
fn a_near_miss_is_no_mark() {
    for tool in Tool::ALL {
        let set = ToolSet::near_miss_of(*tool);
        assert_eq!((set.marks(), set.near_miss()), (ToolSet::NONE, Some(*tool)));
        assert_eq!(
            (tool.mark().marks(), tool.mark().near_miss()),
            (tool.mark(), None)
        );
        assert!(!set.is_signed());
    }
    assert_eq!(ToolSet(0xf000).near_miss(), None, "a number that no tool has");
}

#[test]
fn nmap_and_unicornscan_alone_are_signed() {
    let signed: Vec<_> = Tool::ALL
        .iter()
        .filter(|tool| tool.mark().is_signed())
        .map(|tool| tool.name())
        .collect();
    assert_eq!(signed, ["nmap", "unicornscan"]);
}
