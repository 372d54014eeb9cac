//! Differences that the comparison must find.

use super::*;

const TELNET: Port = Port {
    transport: Transport::Tcp,
    port: 23,
};
const SIP: Port = Port {
    transport: Transport::Udp,
    port: 5_060,
};

/// Some of everything.
fn counts() -> Counts {
    let of = |name: &str, packets| BTreeMap::from([(name.to_owned(), packets)]);
    let marked = |packets, mirai| Marked { packets, mirai };
    Counts {
        frames: 20,
        outcomes: of("observed_tcp", 12),
        classes: of("scan", 17),
        ports: BTreeMap::from([
            (
                TELNET,
                PortCount {
                    packets: 12,
                    syn: 11,
                    mirai: 6,
                },
            ),
            (
                SIP,
                PortCount {
                    packets: 5,
                    ..PortCount::default()
                },
            ),
        ]),
        protocols: BTreeMap::from([(47, 3)]),
        regions: BTreeMap::from([("JP".to_owned(), marked(17, 6))]),
        pairs: BTreeMap::from([
            ((TELNET, "JP".to_owned()), marked(12, 6)),
            ((SIP, "JP".to_owned()), marked(5, 0)),
        ]),
        other_pairs: Marked::default(),
        mirai: 6,
        tools: of("zmap", 5),
    }
}

fn difference(sent: &Counts, counted: &Counts, cells_overflow: u64) -> u64 {
    let sections = Comparison::new(sent, counted, cells_overflow).sections();
    sections.iter().map(Section::difference).sum()
}

#[test]
fn the_same_counts_have_no_difference() {
    assert_eq!(difference(&counts(), &counts(), 0), 0);
}

#[test]
fn whatever_is_counted_wrongly_is_a_difference() {
    type Fault = fn(&mut Counts);
    let faults: [(&str, Fault); 18] = [
        ("a frame less", |counts| counts.frames -= 1),
        ("an outcome", |counts| {
            *counts.outcomes.get_mut("observed_tcp").unwrap() += 1;
        }),
        ("an outcome that was not sent", |counts| {
            counts.outcomes.insert("internal".to_owned(), 1);
        }),
        ("an outcome that was not counted", |counts| {
            counts.outcomes.clear();
        }),
        ("a class", |counts| *counts.classes.get_mut("scan").unwrap() -= 1),
        ("a port", |counts| {
            counts.ports.get_mut(&TELNET).unwrap().packets += 1;
        }),
        ("a SYN", |counts| counts.ports.get_mut(&TELNET).unwrap().syn -= 1),
        ("a mark", |counts| {
            counts.ports.get_mut(&TELNET).unwrap().mirai += 1;
        }),
        ("the wrong port", |counts| {
            let count = counts.ports.remove(&SIP).unwrap();
            counts.ports.insert(Port { port: 5_061, ..SIP }, count);
        }),
        ("a protocol", |counts| {
            *counts.protocols.get_mut(&47).unwrap() += 1;
        }),
        ("a region", |counts| {
            counts.regions.get_mut("JP").unwrap().packets -= 1;
        }),
        ("a region's marks", |counts| {
            counts.regions.get_mut("JP").unwrap().mirai += 1;
        }),
        ("a pair", |counts| {
            counts.pairs.remove(&(SIP, "JP".to_owned()));
        }),
        ("a pair's marks", |counts| {
            counts.pairs.get_mut(&(TELNET, "JP".to_owned())).unwrap().mirai -= 1;
        }),
        ("a rest of nothing", |counts| counts.other_pairs.packets += 1),
        ("a tool", |counts| counts.mirai -= 1),
        ("another tool", |counts| {
            *counts.tools.get_mut("zmap").unwrap() += 1;
        }),
        ("the wrong tool", |counts| {
            let packets = counts.tools.remove("zmap").unwrap();
            counts.tools.insert("masscan".to_owned(), packets);
        }),
    ];
    for (name, fault) in faults {
        let mut counted = counts();
        fault(&mut counted);
        assert_ne!(difference(&counts(), &counted, 0), 0, "{name}");
    }
}

#[test]
fn pairs_without_a_row_have_to_be_the_rest() {
    let mut counted = counts();
    counted.pairs.remove(&(SIP, "JP".to_owned()));
    counted.other_pairs.packets = 5;
    assert_eq!(difference(&counts(), &counted, 0), 0);
    counted.other_pairs.packets = 4;
    assert_eq!(difference(&counts(), &counted, 0), 1);
    counted.other_pairs = Marked { packets: 5, mirai: 1 };
    assert_eq!(difference(&counts(), &counted, 0), 1);
}

#[test]
fn a_row_may_be_short_of_what_found_no_cell_and_of_nothing_else() {
    let mut counted = counts();
    counted.pairs.get_mut(&(TELNET, "JP".to_owned())).unwrap().packets -= 2;
    counted.other_pairs.packets = 2;
    assert_eq!(difference(&counts(), &counted, 2), 0);
    assert_ne!(
        difference(&counts(), &counted, 0),
        0,
        "there was a cell for everything"
    );
    counted.other_pairs.packets = 3;
    assert_eq!(difference(&counts(), &counted, 2), 1);
    counted.pairs.get_mut(&(TELNET, "JP".to_owned())).unwrap().packets = 13;
    assert_ne!(difference(&counts(), &counted, 2), 0, "more than was sent");
}

#[test]
fn a_section_is_ranked_and_says_nothing_of_what_is_not_there() {
    let both = |packets| Both {
        sent: packets,
        counted: packets,
    };
    let section = Section::ranked(
        "x",
        [("a", both(1)), ("b", both(0)), ("c", both(2)), ("d", both(1))],
    );
    let names: Vec<_> = section.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["c", "a", "d"]);
}
