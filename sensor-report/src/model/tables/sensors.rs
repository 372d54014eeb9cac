//! Tables of each sensor, and of the sensors of either side.

use super::{
    FIGURES, Table, alone, change, figure, or_empty,
    ranking::{RANKED, ranked, ranked_row},
};
use crate::model::{SensorSummary, Side};

pub(super) fn sensors(sensors: &[SensorSummary]) -> Table {
    let mut table = Table::new(
        "sensors",
        &[
            "sensor",
            "sensor_region",
            "sensor_rate_before",
            "sensor_rate_after",
            "sensor_relative_change",
        ],
    );
    table.header.extend(RANKED.map(str::to_owned));
    for sensor in sensors {
        let mut front = vec![sensor.name.clone(), sensor.region.to_string()];
        front.extend(change(sensor.rate));
        front.push(or_empty(sensor.rate.relative()));
        for port in &sensor.ports {
            table.push([front.clone(), ranked_row(port)].concat());
        }
    }
    table
}

pub(super) fn one_side(name: &str, side: &Side) -> [Table; 3] {
    let mut table = Table::new(name, &FIGURES);
    table.push(alone("sensors", side.sensors));
    table.push(figure("rate", change(side.rate), side.rate.relative()));
    [
        table,
        ranked(format!("{name}_ports"), &side.ports),
        ranked(format!("{name}_source_regions"), &side.source_regions),
    ]
}
