//! The sensors that are made up.

/// A sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// Its id, as in paths.
    pub id: String,
    /// The name to publish.
    pub name: String,
    /// Where it stands.
    pub region: &'static str,
    /// How many addresses it watches.
    pub addresses: u32,
}

/// The sensors of a plan, and the part that some of them have in events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// All of them.
    pub sensors: Vec<Sensor>,
    /// The place of the one that has an outage.
    pub with_outage: usize,
    /// The place of the one that is added.
    pub added: usize,
}

const JAPAN: &str = "JP";
const ABROAD: [&str; 6] = ["TW", "KR", "AU", "US", "DE", "TH"];

impl Fleet {
    /// 17 sensors of one address (11 in Japan, 6 abroad), two /24 (one each), one /16 (in Japan).
    #[must_use]
    pub fn full() -> Self {
        let mut sensors: Vec<_> = (1..=11).map(|number| sensor(number, JAPAN, 1)).collect();
        sensors.extend(
            (12..)
                .zip(ABROAD)
                .map(|(number, region)| sensor(number, region, 1)),
        );
        sensors.push(sensor(18, JAPAN, 256));
        sensors.push(sensor(19, "DE", 256));
        sensors.push(sensor(20, JAPAN, 65_536));
        Self {
            sensors,
            with_outage: 2,
            added: 10,
        }
    }

    /// Four sensors of one address, three of them in Japan.
    #[must_use]
    pub fn small() -> Self {
        Self {
            sensors: vec![
                sensor(1, JAPAN, 1),
                sensor(2, JAPAN, 1),
                sensor(3, JAPAN, 1),
                sensor(4, "DE", 1),
            ],
            with_outage: 1,
            added: 2,
        }
    }
}

fn sensor(number: u32, region: &'static str, addresses: u32) -> Sensor {
    Sensor {
        id: format!("synth-{number:02}"),
        name: format!("Sensor {number:02}"),
        region,
        addresses,
    }
}
