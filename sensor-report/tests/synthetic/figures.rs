//! Figures: every count exact, every rate and rank as worked out by hand.

use teiten_report::model::{PreviousRank, Ranked, SensorChoice};

use super::{Test, World, report, request, truth};

pub(crate) const TESTS: &[Test] = &[
    ("totals_are_the_packets_that_were_drawn", totals),
    ("ranks_and_rates_of_ports_are_those_of_the_truth", ports),
    ("ranks_and_rates_of_regions_are_those_of_the_truth", regions),
    ("mirai_packets_are_exact_by_port_and_region", mirai),
    ("every_sensor_has_its_own_ports", sensors),
    ("all_sensors_together_have_every_packet", all_sensors),
    ("the_law_of_conservation_holds_to_the_packet", conservation),
    ("days_add_up_to_the_quarter", days),
];

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
}

fn totals(world: &World) {
    for (period, scans, packets) in [
        (
            &world.truth.earlier,
            world.report.overview.scans.before,
            world.report.overview.packets.before,
        ),
        (
            &world.truth.later,
            world.report.overview.scans.after,
            world.report.overview.packets.after,
        ),
    ] {
        let domestic = truth::domestic(period);
        let drawn: u64 = domestic
            .iter()
            .flat_map(|sensor| truth::regions(sensor).into_values())
            .sum();
        assert_eq!(scans, drawn);
        assert_eq!(packets, domestic.iter().map(|sensor| sensor.packets).sum::<u64>());
    }
    assert_eq!(world.report.overview.sensors, 3);
    assert_eq!(world.report.overview.days, 92);
}

fn check_ranks<K: std::fmt::Display>(rows: &[Ranked<K>], now: &[(String, f64)], before: &[(String, f64)]) {
    assert_eq!(rows.len(), 10);
    for (row, (rank, (key, rate))) in rows.iter().zip((1..).zip(now)) {
        assert_eq!(row.key.to_string(), *key);
        assert_eq!(row.rank, Some(rank));
        assert!(close(row.rate, *rate), "{key}: {} is not {rate}", row.rate);
        let previous = match before
            .iter()
            .position(|(found, rate)| found == key && *rate > 0.0)
        {
            Some(place) => PreviousRank::Rank(place + 1),
            None => PreviousRank::New,
        };
        assert_eq!(row.previous_rank, previous, "{key}");
    }
}

fn ports(world: &World) {
    let now = truth::ranked(&world.truth.later, truth::ports);
    let before = truth::ranked(&world.truth.earlier, truth::ports);
    check_ranks(&world.report.ports.rows, &now, &before);
    assert_eq!(
        world.report.ports.distinct,
        now.iter().filter(|(_, rate)| *rate > 0.0).count()
    );
}

fn regions(world: &World) {
    let now = truth::ranked(&world.truth.later, truth::regions);
    let before = truth::ranked(&world.truth.earlier, truth::regions);
    check_ranks(&world.report.source_regions.rows, &now, &before);
}

fn mirai(world: &World) {
    let domestic = truth::domestic(&world.truth.later);
    let drawn: u64 = domestic
        .iter()
        .flat_map(|sensor| sensor.mirai.values().flat_map(|ports| ports.values()))
        .sum();
    assert_eq!(world.report.mirai.packets.after, drawn);
    let of_japan: u64 = domestic
        .iter()
        .filter_map(|sensor| sensor.mirai.get("JP"))
        .flat_map(|ports| ports.values())
        .sum();
    assert_eq!(world.report.mirai.domestic_packets.after, of_japan);
    assert!(!world.report.mirai.ports.is_empty());
    for port in &world.report.mirai.ports {
        let name = port.key.to_string().to_lowercase();
        let marked: u64 = domestic
            .iter()
            .flat_map(|sensor| sensor.mirai.values())
            .filter_map(|ports| ports.get(&name))
            .sum();
        let all: u64 = domestic
            .iter()
            .filter_map(|sensor| truth::ports(sensor).get(&port.key.to_string()).copied())
            .sum();
        assert_eq!((port.mirai, port.all), (marked, all), "{name}");
    }
}

fn sensors(world: &World) {
    let truths = truth::domestic(&world.truth.later);
    assert_eq!(world.report.sensors.len(), truths.len());
    for (summary, sensor) in world.report.sensors.iter().zip(truths) {
        let mut ports: Vec<_> = truth::ports(sensor).into_iter().collect();
        ports.sort_by_key(|(_, packets)| std::cmp::Reverse(*packets));
        assert_eq!(summary.ports.len(), 10);
        assert_eq!(summary.ports[0].key.to_string(), ports[0].0);
        for row in &summary.ports {
            let drawn = ports.iter().find(|(port, _)| *port == row.key.to_string());
            assert_eq!(
                Some(row.packets.after),
                drawn.map(|(_, packets)| *packets),
                "{}",
                row.key
            );
        }
    }
}

fn all_sensors(world: &World) {
    let mut request = request();
    request.sensors = SensorChoice::All;
    request.months = false;
    let report = report(world.directory.path(), &request).unwrap();
    let drawn: u64 = world
        .truth
        .later
        .sensors
        .values()
        .map(|sensor| sensor.packets)
        .sum();
    assert_eq!(report.overview.packets.after, drawn);
    assert_eq!(report.domestic.map(|side| side.sensors), Some(3));
    assert_eq!(report.overseas.map(|side| side.sensors), Some(1));
}

fn conservation(world: &World) {
    let law = &world.report.coverage.conservation;
    let packets: u64 = truth::domestic(&world.truth.later)
        .iter()
        .map(|sensor| sensor.packets)
        .sum();
    assert_eq!((law.observed, law.cells), (packets, packets));
    assert_eq!((law.difference, law.outcomes_difference), (0, 0));
    assert!(law.seen > law.observed);
}

fn days(world: &World) {
    let first = &world.report.source_regions.daily.lines[0];
    assert_eq!(first.values.len(), 92);
    for day in [0, 30, 91] {
        let drawn = truth::of_days(&world.truth.later, &first.key.to_string(), &[(day, day + 1)]);
        assert!(close(first.values[day].unwrap(), drawn[0]), "day {day}");
    }
}
