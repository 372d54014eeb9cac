//! A made-up fleet with twelve days of past, in which everything that an alert speaks of has happened in the end.

use crate::chain::sensor::{Course, Sensor};

/// A day, in seconds.
const DAY: f64 = 86_400.0;
/// How long there are samples, in seconds: the list of top ports wants a sensor of seven days, and a new port a list of three.
/// It ends in the middle of a sensor's day.
pub(super) const PAST: f64 = 12.5 * DAY;
/// When what surges does so.
const SURGE: f64 = PAST - 20.0 * 60.0;

/// A sensor with its name, and the time in which it was scraped, in seconds since the fleet's begin.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) sensor: Sensor,
    pub(super) scraped: [f64; 2],
}

/// The fleet.
pub(super) fn fleet() -> Vec<Member> {
    let always = [0.0, PAST];
    let member = |name, sensor, scraped| Member {
        name,
        sensor,
        scraped,
    };
    vec![
        member("tokyo-1", tokyo(), always),
        member("osaka-1", few_sources(surging()), always),
        member("jakarta-1", backscatter(surging()), always),
        member(
            "hanoi-1",
            Sensor::steady(10.0).with("up", Course::Is(1.0)),
            [PAST - 3.0 * DAY, PAST],
        ),
        member("manila-1", forged(), always),
        member("seoul-1", ailing(), [PAST - 1.5 * DAY, PAST]),
        member("taipei-1", unreachable(), [PAST - 1.5 * DAY, PAST]),
        member(
            "lima-1",
            Sensor::bare([("up", Course::Is(1.0))]),
            [PAST - DAY / 2.0, PAST - 15.0 * 60.0],
        ),
    ]
}

/// From 20 a second to 160.
const fn surge() -> Course {
    Course::Surges {
        rate: 20.0,
        then: 160.0,
        at: SURGE,
    }
}

/// Sources that become many when the packets do.
const fn more() -> Course {
    Course::Becomes {
        first: 50.0,
        then: 1_000.0,
        at: SURGE,
    }
}

/// Bots probe 23/tcp from Brazil and from the domestic region, and somebody begins with 2323/tcp.
fn surging() -> Sensor {
    let mut sensor = Sensor::steady(20.0)
        .with("up", Course::Is(1.0))
        .with("scrape_samples_scraped", Course::Is(120.0))
        .with(
            r#"teiten_port_syn_packets_total{transport="tcp",port="23"}"#,
            surge(),
        )
        .with(r#"teiten_port_sources{transport="tcp",port="23"}"#, more())
        .with("teiten_mirai_sources", more())
        .with(
            r#"teiten_port_syn_packets_total{transport="tcp",port="2323"}"#,
            Course::Appears {
                rate: 5.0,
                at: PAST - 90.0 * 60.0,
            },
        )
        .with(
            r#"teiten_port_sources{transport="tcp",port="2323"}"#,
            Course::Is(50.0),
        );
    for region in ["BR", "JP"] {
        for (metric, course) in [
            ("teiten_source_region_packets_total", surge()),
            ("teiten_source_region_mirai_packets_total", surge()),
            ("teiten_source_region_sources", more()),
        ] {
            sensor = sensor.with(&format!("{metric}{{source_region=\"{region}\"}}"), course);
        }
    }
    sensor
}

/// 80/tcp has its eight hours a day; devices without the mark scan for `IoT`.
fn tokyo() -> Sensor {
    daily(surging()).with(
        "teiten_iot_port_without_mirai_sources",
        Course::Becomes {
            first: 50.0,
            then: 500.0,
            at: SURGE,
        },
    )
}

fn daily(sensor: Sensor) -> Sensor {
    sensor.with(
        r#"teiten_port_syn_packets_total{transport="tcp",port="80"}"#,
        Course::Daily {
            rate: 5.0,
            busy: 20.0,
            hours: [8.0 * 3_600.0, 16.0 * 3_600.0],
        },
    )
}

/// One port and one region surge from as many sources as ever.
fn few_sources(sensor: Sensor) -> Sensor {
    sensor
        .with(
            r#"teiten_port_packets_total{transport="udp",port="5060"}"#,
            surge(),
        )
        .with(
            r#"teiten_source_region_packets_total{source_region="US"}"#,
            surge(),
        )
}

fn backscatter(sensor: Sensor) -> Sensor {
    sensor.with(r#"teiten_class_packets_total{class="backscatter"}"#, surge())
}

/// Half a million sources that were not there before, with a packet each.
fn forged() -> Sensor {
    Sensor::steady(2.0)
        .with("up", Course::Is(1.0))
        .with(
            r#"teiten_outcome_packets_total{outcome="observed_tcp"}"#,
            Course::Surges {
                rate: 20.0,
                then: 1_000.0,
                at: PAST - 10.0 * 60.0,
            },
        )
        .with(
            "teiten_sources",
            Course::Becomes {
                first: 50.0,
                then: 500_000.0,
                at: PAST - 5.0 * 60.0,
            },
        )
}

/// Everything is wrong with it that can be while it answers. Of its traffic nothing is left.
fn ailing() -> Sensor {
    let rising = Course::Surges {
        rate: 0.0,
        then: 1.0,
        at: SURGE,
    };
    Sensor::bare([
        ("up", Course::Is(1.0)),
        (
            r#"teiten_outcome_packets_total{outcome="observed_tcp"}"#,
            Course::Counts(0.0),
        ),
        (r#"teiten_attached{interface="eth0"}"#, Course::Is(0.0)),
        (
            r#"teiten_xdp_info{interface="eth0",mode="generic"}"#,
            Course::Is(1.0),
        ),
        (r#"teiten_packets_lost_detail_total{reason="ring_full"}"#, rising),
        ("teiten_conservation_difference_packets", Course::Is(-5.0)),
        // It was built in 2020.
        (
            "teiten_region_database_build_timestamp_seconds",
            Course::Is(1_577_836_800.0),
        ),
        ("teiten_clock_steps_total", rising),
        ("teiten_records_disk_free_bytes", Course::Is(1e9)),
    ])
}

/// It has no region database, its disk was filling, and now it does not answer.
fn unreachable() -> Sensor {
    Sensor::bare([
        (
            "up",
            Course::Becomes {
                first: 1.0,
                then: 0.0,
                at: PAST - 10.0 * 60.0,
            },
        ),
        ("teiten_region_database_build_timestamp_seconds", Course::Is(0.0)),
        (
            "teiten_records_disk_free_bytes",
            Course::Becomes {
                first: 9e9,
                then: 3e9,
                at: PAST - DAY / 2.0,
            },
        ),
    ])
}
