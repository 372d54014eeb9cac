//! Planted events: each is named, with the right cause and figures.

use jiff::civil::date;
use sensor_synth::Event;
use teiten_report::model::{Cell, Explanation, Key, Port, Region, Span};

use super::{Test, World, truth};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_rank_lost_through_one_port_is_explained_by_that_port",
        rank_lost,
    ),
    ("a_share_is_of_the_change_that_is_told_with_it", shares),
    (
        "a_rise_in_the_last_month_is_explained_by_the_port_that_made_it",
        rise,
    ),
    ("a_decline_by_ten_day_averages_is_told_with_its_size", decline),
    ("a_burst_of_two_weeks_is_one_surge_of_one_source", burst),
    ("an_outage_is_told_to_the_second", outage),
    (
        "a_rank_that_an_added_sensor_made_is_explained_by_the_sensor",
        added,
    ),
    ("packets_that_a_new_database_moved_are_told_as_that", reclassified),
    (
        "packets_half_an_hour_from_the_edges_belong_to_the_right_quarter",
        edges,
    ),
];

fn region(name: &str) -> Key {
    Key::SourceRegion(Region(name.to_owned()))
}

fn port(name: &str) -> Port {
    name.parse().unwrap()
}

fn explanation<'world>(world: &'world World, subject: &Key, span: Span) -> &'world Explanation {
    let found = world
        .report
        .explanations
        .iter()
        .find(|explanation| explanation.subject == *subject && explanation.span == span);
    found.unwrap_or_else(|| panic!("{subject} is not explained over {span:?}"))
}

fn rank_lost(world: &World) {
    let found = explanation(world, &region("KR"), Span::Periods);
    let cause = &found.causes[0];
    assert_eq!(cause.cell, Cell::Port(port("445/tcp")));
    // Over the sensors that were in both quarters: the first and the second.
    let common = |period: &sensor_synth::PeriodTruth, packets: fn(&sensor_synth::SensorTruth) -> u64| {
        let ids = ["synth-01", "synth-02"];
        let sensors: Vec<_> = ids.iter().map(|id| &period.sensors[*id]).collect();
        truth::rate(&sensors, packets)
    };
    let change = |packets| common(&world.truth.later, packets) - common(&world.truth.earlier, packets);
    let whole = change(|sensor| truth::regions(sensor)["KR"]);
    let part = change(|sensor| truth::cell(sensor, "KR", "445/tcp"));
    assert!((found.rate.difference() - whole).abs() < 1e-9);
    assert!((cause.share - part / whole).abs() < 1e-9);
    assert!((cause.rate.difference() - part).abs() < 1e-9);
    assert!(cause.share > 0.8, "{}", cause.share);
    assert_eq!(
        found.previous_rank,
        teiten_report::model::PreviousRank::Rank(5),
        "it was planted to be fifth"
    );
    assert!(found.rank > Some(5));
}

fn shares(world: &World) {
    let is_sensors = |cell: &Cell| matches!(cell, Cell::Sensors { .. });
    let is_part = |cell: &Cell| matches!(cell, Cell::Port(_) | Cell::SourceRegion(_) | Cell::Tool(_));
    let mut parts = 0;
    for explanation in &world.report.explanations {
        // Where sensors made the change, the rest of it is told with them.
        let sensors = explanation.causes.iter().find(|cause| is_sensors(&cause.cell));
        let whole = sensors.map_or(explanation.rate, |cause| cause.rate).difference();
        for cause in explanation.causes.iter().filter(|cause| is_part(&cause.cell)) {
            let part = cause.rate.difference();
            assert!(
                (cause.share * whole - part).abs() < 1e-9 * part.abs(),
                "{}, {:?}: {cause:?} of {whole}",
                explanation.subject,
                explanation.span
            );
            parts += 1;
        }
    }
    assert!(parts > 3, "{parts} parts say little");
}

fn rise(world: &World) {
    let found = explanation(world, &region("US"), Span::Month(date(2022, 12, 1)));
    assert!(found.rate.difference() > 0.0);
    assert_eq!(found.causes[0].cell, Cell::Port(port("81/tcp")));
    assert!(found.causes[0].share > 0.7, "{}", found.causes[0].share);
    let drawn = truth::of_days(&world.truth.later, "US", &[(0, 61), (61, 92)]);
    assert!((found.rate.before - drawn[0]).abs() < 1e-9 * drawn[0]);
    assert!((found.rate.after - drawn[1]).abs() < 1e-9 * drawn[1]);
}

fn decline(world: &World) {
    let found = explanation(world, &region("CN"), Span::TenDays);
    let drawn = truth::of_days(&world.truth.later, "CN", &[(0, 10), (82, 92)]);
    assert!((found.rate.before - drawn[0]).abs() < 1e-9 * drawn[0]);
    assert!((found.rate.after - drawn[1]).abs() < 1e-9 * drawn[1]);
    // It was drawn around a fifth; what came is what chance made of it.
    let change = found.rate.relative().unwrap();
    assert!((-0.27..-0.13).contains(&change), "{change}");
    let row = world
        .report
        .source_regions
        .rows
        .iter()
        .find(|row| row.key.0 == "CN")
        .and_then(|row| row.ten_days)
        .unwrap();
    assert!((row.relative().unwrap() - change).abs() < 1e-12);
}

fn burst(world: &World) {
    let planted = world.truth.events.iter().find_map(|event| match event {
        Event::Burst { from, to, .. } => {
            Some([from, to].map(|time| time.parse::<jiff::Timestamp>().unwrap()))
        }
        _ => None,
    });
    let planted = planted.unwrap();
    let surges: Vec<_> = world
        .report
        .surges
        .iter()
        .filter(|surge| surge.subject == Key::Port(port("40404/tcp")))
        .collect();
    assert_eq!(surges.len(), 1, "{surges:?}");
    for (found, planted) in [&surges[0].from, &surges[0].to].into_iter().zip(planted) {
        let found: jiff::Timestamp = found.parse().unwrap();
        assert!(
            found.duration_since(planted).as_hours().abs() <= 2,
            "{found} {planted}"
        );
    }
    assert!(surges[0].largest_source >= 0.99, "{}", surges[0].largest_source);
    assert_eq!(surges[0].source_regions[0].key.0, "LT");
    let found = explanation(world, &Key::Port(port("40404/tcp")), Span::Periods);
    assert!(
        matches!(found.causes[0].cell, Cell::FewSources { sources: 1, .. }),
        "{found:?}"
    );
}

fn outage(world: &World) {
    let planted = world.truth.events.iter().find_map(|event| match event {
        Event::Outage { from, to, .. } => {
            Some([from, to].map(|time| time.parse::<jiff::Timestamp>().unwrap()))
        }
        _ => None,
    });
    let [from, to] = planted.unwrap();
    let outages = &world.report.coverage.outages;
    assert_eq!(outages.len(), 1, "{outages:?}");
    assert_eq!(outages[0].sensor, "Sensor 02");
    assert_eq!(outages[0].from.parse::<jiff::Timestamp>().unwrap(), from);
    assert_eq!(outages[0].to.parse::<jiff::Timestamp>().unwrap(), to);
    assert_eq!(
        outages[0].seconds,
        to.duration_since(from).as_secs().unsigned_abs()
    );
    for (sensor, truth) in world
        .report
        .coverage
        .sensors
        .iter()
        .zip(truth::domestic(&world.truth.later))
    {
        assert_eq!(sensor.observed_seconds, truth.observed_seconds);
    }
}

fn added(world: &World) {
    assert_eq!(world.report.coverage.membership.added, ["Sensor 03"]);
    assert_eq!(world.report.coverage.membership.common, 2);
    let found = explanation(world, &Key::Port(port("1433/tcp")), Span::Periods);
    assert!(matches!(&found.causes[0].cell, Cell::Sensors { added, .. } if added == &["Sensor 03"]));
    assert!(found.causes[0].share > 0.8, "{}", found.causes[0].share);
}

fn reclassified(world: &World) {
    let planted = world.truth.events.iter().find_map(|event| match event {
        Event::Reclassified { at, .. } => Some(at.clone()),
        _ => None,
    });
    let cell = Cell::Reclassified {
        from: Region("RU".to_owned()),
        to: Region("KZ".to_owned()),
        at: planted.unwrap(),
    };
    for subject in ["RU", "KZ"] {
        let found = explanation(world, &region(subject), Span::Periods);
        assert_eq!(found.causes[0].cell, cell, "{subject}");
        assert!(
            found.causes[0].share > 0.6,
            "{subject}: {}",
            found.causes[0].share
        );
    }
    let others = world.report.explanations.iter().filter(|found| {
        found
            .causes
            .iter()
            .any(|cause| matches!(cause.cell, Cell::Reclassified { .. }))
    });
    for other in others {
        assert!([region("RU"), region("KZ")].contains(&other.subject), "{other:?}");
    }
    assert_eq!(world.report.provenance.region_databases.len(), 2);
}

fn edges(world: &World) {
    let mut request = super::request();
    request.top = 1_000;
    request.months = false;
    let report = super::report(world.directory.path(), &request).unwrap();
    let packets = |name: &str| {
        let mut rows = report.ports.rows.iter().chain(&report.ports.left);
        rows.find(|row| row.key == port(name))
            .map(|row| (row.packets.before, row.packets.after))
    };
    assert_eq!(packets("40001/tcp"), Some((1_009, 0)), "23:30 on the day before");
    assert_eq!(packets("40002/tcp"), Some((0, 1_013)), "00:30 on the first day");
    assert_eq!(packets("40003/tcp"), Some((0, 1_019)), "23:30 on the last day");
    assert_eq!(packets("40004/tcp"), None, "00:30 on the day after");
}
