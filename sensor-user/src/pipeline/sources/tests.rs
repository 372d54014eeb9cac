//! Sketches of few sources are exact to a thousandth, so here they are held against plain sets.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use sensor_common::{Address, Class, Family, record::FlowKind};

use super::*;

const JAPAN: Region = region("JP");
const NETHERLANDS: Region = region("NL");
/// A whole hour.
const NOON: i64 = 1_700_006_400;
const TELNET: u16 = 23;
const OTHER_TOOL: ToolSet = ToolSet(1 << 5);

const fn region(code: &str) -> Region {
    let octets = code.as_bytes();
    match Region::from_index((octets[0] - b'A') as usize * 26 + (octets[1] - b'A') as usize) {
        Some(region) => region,
        None => Region::UNKNOWN,
    }
}

fn telnet() -> PortName {
    "23/tcp".parse().unwrap()
}

fn sources() -> Sources {
    Sources::new(
        SourceKey::new([7; 16]),
        &[telnet(), "0/icmp".parse().unwrap()],
        &DEFAULT_IOT_PORTS,
    )
}

/// A SYN to a port.
fn syn(source: u32, from: Region, port: u16, tools: ToolSet) -> Facts {
    let kind = FlowKind {
        port,
        protocol: 6,
        class: Class::Scan,
        tools,
        family: Family::Ipv4,
        fragment: false,
    };
    Facts {
        key: FlowKey {
            source: Address::v4(source),
            kind: kind.pack(),
        },
        region: from,
        watched: (port == TELNET).then_some(0),
        syn_to: Some(port),
        tools,
        sure: tools,
    }
}

fn all(sources: &Sources) -> Option<u64> {
    sources.estimates().of(Dimension::All)
}

#[test]
fn the_helper_knows_its_regions() {
    assert_eq!((JAPAN.code(), NETHERLANDS.code()), ("JP", "NL"));
    assert_eq!(NOON % HOUR, 0);
}

#[test]
fn a_source_is_counted_once_in_every_dimension_that_it_belongs_to() {
    let mut sources = sources();
    for _ in 0..3 {
        for source in 0..20 {
            sources.add(&syn(source, JAPAN, TELNET, ToolSet::NONE), NOON);
        }
        for source in 10..40 {
            sources.add(&syn(source, JAPAN, 80, ToolSet::NONE), NOON);
        }
        for source in 100..107 {
            sources.add(&syn(source, NETHERLANDS, TELNET, ToolSet::MIRAI), NOON);
        }
        for source in 200..205 {
            let mut likely = syn(source, NETHERLANDS, 443, OTHER_TOOL);
            likely.sure = ToolSet::NONE;
            sources.add(&likely, NOON);
        }
    }
    let estimates = sources.estimates();
    let expected = [
        (Dimension::All, 52),
        (Dimension::Mirai, 7),
        (Dimension::Port(telnet()), 27),
        (Dimension::MiraiPort(telnet()), 7),
        (Dimension::SureTool(ToolSet::MIRAI), 7),
        (Dimension::LikelyTool(OTHER_TOOL), 5),
        (Dimension::Region(JAPAN), 40),
        (Dimension::Region(NETHERLANDS), 12),
        (Dimension::MiraiRegion(NETHERLANDS), 7),
        (Dimension::PortRegion(telnet(), JAPAN), 20),
        (Dimension::PortRegion(telnet(), NETHERLANDS), 7),
        (Dimension::IotSyn, 27),
        (Dimension::Marked, 7),
    ];
    let found: BTreeMap<Dimension, u64> = estimates
        .rows
        .keys()
        .filter_map(|dimension| Some((*dimension, estimates.of(*dimension)?)))
        .collect();
    assert_eq!(found, BTreeMap::from(expected));
    assert_eq!(estimates.iot_without_mirai(), 20);
    assert_eq!(estimates.span, (NOON - 3_000, NOON + 600));
}

#[test]
fn a_source_with_a_mark_in_any_packet_is_no_unmarked_one() {
    let mut sources = sources();
    for source in 0..100 {
        sources.add(&syn(source, JAPAN, TELNET, ToolSet::NONE), NOON);
    }
    // Of those, some turn out to be Mirai at another port and in another window, some another tool.
    for source in 0..10 {
        sources.add(&syn(source, JAPAN, 9_999, ToolSet::MIRAI), NOON + 1_200);
    }
    for source in 5..25 {
        sources.add(&syn(source, JAPAN, 80, OTHER_TOOL), NOON + 1_800);
    }
    assert_eq!(sources.estimates().iot_without_mirai(), 75);
    // A mark that is no more than likely takes nobody out.
    for source in 50..60 {
        let mut likely = syn(source, JAPAN, 80, OTHER_TOOL);
        likely.sure = ToolSet::NONE;
        sources.add(&likely, NOON + 1_800);
    }
    assert_eq!(sources.estimates().iot_without_mirai(), 75);
}

#[test]
fn the_last_hour_slides_in_steps_of_ten_minutes() {
    let mut sources = sources();
    for step in 0..12 {
        sources.add(
            &syn(step, JAPAN, 80, ToolSet::NONE),
            NOON + i64::from(step) * WINDOW + 599,
        );
        assert_eq!(all(&sources), Some(u64::from(step + 1).min(6)), "{step}");
    }
    // Without packets the hour goes on all the same.
    sources.turn_to(NOON + 11 * WINDOW + 3_000);
    assert_eq!(all(&sources), Some(1));
    sources.turn_to(NOON + 11 * WINDOW + 3_600);
    assert_eq!(all(&sources), None);
}

fn of_hour(sources: &Sources, hour: i64, wanted: Dimension) -> Option<f64> {
    let rows = sources.hour(hour);
    let mut found = rows.iter().filter(|(dimension, _)| *dimension == wanted);
    let estimate = found.next().map(|(_, sketch)| sketch.estimate().round());
    assert!(found.next().is_none());
    estimate
}

#[test]
fn a_whole_hour_can_be_taken_until_ten_minutes_after_its_end() {
    let mut sources = sources();
    for minute in -5..60 {
        sources.add(
            &syn(
                1_000 + u32::try_from(minute + 5).unwrap(),
                JAPAN,
                TELNET,
                ToolSet::NONE,
            ),
            NOON + minute * 60,
        );
    }
    for seconds in [HOUR, HOUR + 599] {
        sources.add(&syn(9, JAPAN, 80, ToolSet::MIRAI), NOON + seconds);
        assert_eq!(of_hour(&sources, NOON, Dimension::All), Some(60.0));
        assert_eq!(
            of_hour(&sources, NOON, Dimension::PortRegion(telnet(), JAPAN)),
            Some(60.0)
        );
        assert_eq!(of_hour(&sources, NOON, Dimension::IotSyn), Some(60.0));
        assert_eq!(of_hour(&sources, NOON, Dimension::Marked), Some(0.0));
        assert_eq!(of_hour(&sources, NOON, Dimension::Mirai), None);
        assert_eq!(of_hour(&sources, NOON + HOUR, Dimension::All), Some(1.0));
    }
    assert!(sources.hour(NOON - 2 * HOUR).is_empty());
}

#[test]
fn a_late_record_finds_its_own_window_and_hour() {
    let mut sources = sources();
    sources.turn_to(NOON + HOUR);
    sources.add(&syn(1, JAPAN, TELNET, ToolSet::NONE), NOON + HOUR - 1);
    sources.add(&syn(2, JAPAN, TELNET, ToolSet::NONE), NOON + 1);
    sources.add(&syn(3, JAPAN, TELNET, ToolSet::NONE), NOON - 1);
    let estimates = sources.estimates();
    assert_eq!(
        estimates.of(Dimension::All),
        Some(1),
        "the second is of the hour, and not of the last 60 minutes"
    );
    assert_eq!(estimates.of(Dimension::IotSyn), Some(1));
    assert_eq!(estimates.late_records, 1);
    assert_eq!(of_hour(&sources, NOON, Dimension::All), Some(2.0));
    assert_eq!(of_hour(&sources, NOON, Dimension::IotSyn), Some(2.0));
}

#[test]
fn a_clock_that_goes_back_begins_anew_and_a_small_step_loses_nothing() {
    let mut sources = sources();
    sources.turn_to(NOON);
    sources.add(&syn(1, JAPAN, 80, ToolSet::NONE), NOON);
    sources.turn_to(NOON - 1_800);
    sources.add(&syn(2, JAPAN, 80, ToolSet::NONE), NOON - 1_800);
    assert_eq!(all(&sources), Some(2));
    sources.turn_to(NOON - 100 * HOUR);
    assert_eq!(all(&sources), None);
    sources.add(&syn(3, JAPAN, 80, ToolSet::NONE), NOON - 100 * HOUR);
    assert_eq!(all(&sources), Some(1));
}

#[test]
fn no_time_is_too_far_away() {
    let mut sources = sources();
    for seconds in [0, i64::MAX, i64::MIN, -1, 1 << 62] {
        sources.add(&syn(1, JAPAN, 80, ToolSet::NONE), seconds);
        sources.turn_to(seconds);
        assert!(sources.hour(NOON).is_empty());
        assert_eq!(sources.estimates().span.1 - sources.estimates().span.0, HOUR);
    }
}

#[test]
fn a_flood_of_pairs_stays_within_its_room_and_shows_no_count_that_missed_sources() {
    let ports: Vec<PortName> = (1..=10)
        .map(|port| format!("{port}/tcp").parse().unwrap())
        .collect();
    let mut sources = Sources::new(SourceKey::public(), &ports, &DEFAULT_IOT_PORTS);
    let regions: Vec<Region> = (0..40).filter_map(Region::from_index).collect();
    for source in 0..2_000 {
        for (index, region) in regions.iter().enumerate() {
            for place in 0..10 {
                let number = source * 1_000 + u32::try_from(index).unwrap();
                let mut facts = syn(number, *region, 1, ToolSet::NONE);
                facts.watched = Some(place);
                facts.key.kind = place as u64;
                sources.add(&facts, NOON);
            }
        }
    }
    let estimates = sources.estimates();
    let pairs: Vec<f64> = estimates
        .rows
        .iter()
        .filter(|(dimension, _)| matches!(dimension, Dimension::PortRegion(..)))
        .map(|(_, estimate)| *estimate)
        .collect();
    assert_eq!(pairs.len() + estimates.pairs_refused, 400);
    assert_eq!(pairs.len(), PAIR_OCTETS / Distinct::MAX_OCTETS);
    for estimate in pairs {
        assert!((estimate - 2_000.0).abs() < 2_000.0 * 0.03, "{estimate}");
    }
    let fixed = (1 + 10 + regions.len()) * Distinct::MAX_OCTETS;
    assert!(
        estimates.octets <= PAIR_OCTETS + fixed + 2 * OpenSet::MAX_OCTETS,
        "{}",
        estimates.octets
    );
    let rows = sources.hour(NOON);
    let pair_rows = rows
        .iter()
        .filter(|(dimension, _)| matches!(dimension, Dimension::PortRegion(..)));
    assert_eq!(pair_rows.count(), 256);
}

#[test]
fn a_region_that_changes_counts_again() {
    let mut sources = sources();
    sources.add(&syn(1, JAPAN, 80, ToolSet::NONE), NOON);
    sources.forget_recent();
    sources.add(&syn(1, NETHERLANDS, 80, ToolSet::NONE), NOON);
    let estimates = sources.estimates();
    assert_eq!(estimates.of(Dimension::Region(NETHERLANDS)), Some(1));
    assert_eq!(estimates.of(Dimension::All), Some(1));
}

proptest! {
    /// Busy flows are skipped, late ones find other windows: whatever comes in whatever order, the sources are those
    /// of a plain set.
    #[test]
    fn sources_are_those_of_a_plain_set(
        records in prop::collection::vec((0_u32..300, 0_usize..3, 0_u16..3, 0_i64..9 * WINDOW), 1..600)
    ) {
        let mut sources = sources();
        let mut newest = 0;
        let mut seen: Vec<(i64, Dimension, u32)> = Vec::new();
        let mut late = 0;
        for (source, place, mark, seconds) in records {
            let tools = [ToolSet::NONE, ToolSet::MIRAI, OTHER_TOOL][usize::from(mark)];
            let (from, port) = ([JAPAN, NETHERLANDS][place % 2], [TELNET, 80, TELNET][place]);
            sources.add(&syn(source, from, port, tools), NOON + seconds);
            let window = seconds / WINDOW;
            if window + 6 < newest {
                late += 1;
                continue;
            }
            newest = newest.max(window);
            let mut dimensions = vec![Dimension::All, Dimension::Region(from)];
            if port == TELNET {
                dimensions.extend([Dimension::Port(telnet()), Dimension::PortRegion(telnet(), from), Dimension::IotSyn]);
            }
            if mark > 0 {
                dimensions.extend([Dimension::SureTool(tools), Dimension::Marked]);
            }
            if mark == 1 {
                dimensions.extend([Dimension::Mirai, Dimension::MiraiRegion(from)]);
                dimensions.extend((port == TELNET).then_some(Dimension::MiraiPort(telnet())));
            }
            seen.extend(dimensions.into_iter().map(|dimension| (window, dimension, source)));
        }
        let mut expected: BTreeMap<Dimension, HashSet<u32>> = BTreeMap::new();
        for (window, dimension, source) in seen {
            if window + 6 > newest {
                expected.entry(dimension).or_default().insert(source);
            }
        }
        let estimates = sources.estimates();
        prop_assert_eq!(estimates.late_records, late);
        let empty = HashSet::new();
        for dimension in estimates.rows.keys() {
            let exact = expected.get(dimension).unwrap_or(&empty).len() as u64;
            prop_assert_eq!(estimates.of(*dimension), Some(exact), "{:?}", dimension);
        }
        for dimension in expected.keys() {
            prop_assert!(estimates.rows.contains_key(dimension), "{:?}", dimension);
        }
        let unmarked = |sets: &BTreeMap<Dimension, HashSet<u32>>| {
            let marked = sets.get(&Dimension::Marked).unwrap_or(&empty);
            sets.get(&Dimension::IotSyn).unwrap_or(&empty).difference(marked).count() as u64
        };
        prop_assert_eq!(estimates.iot_without_mirai(), unmarked(&expected));
    }
}
