//! Tables of packets with the Mirai mark.

use super::{FIGURES, Table, change, estimates, figure, or_empty, series};
use crate::model::{Change, Devices, Mirai};

pub(super) fn mirai(mirai: &Mirai) -> Vec<Table> {
    let mut totals = Table::new("mirai", &FIGURES);
    let mut counted =
        |name: &str, count: Change<u64>| totals.push(figure(name, change(count), count.relative()));
    counted("packets", mirai.packets);
    counted("domestic_packets", mirai.domestic_packets);
    let unmarked = mirai.unmarked;
    totals.push(figure("unmarked_rate", change(unmarked), unmarked.relative()));
    for (name, sources) in [
        ("sources", mirai.sources),
        ("domestic_sources", mirai.domestic_sources),
        ("unmarked_sources", mirai.unmarked_sources),
    ] {
        totals.push(figure(name, estimates(sources), sources.relative()));
    }

    let header = [
        "source_region",
        "packets_before",
        "packets_after",
        "rate_before",
        "rate_after",
        "relative_change",
        "sources_before",
        "sources_after",
    ];
    let mut regions = Table::new("mirai_source_regions", &header);
    for region in &mirai.source_regions {
        let mut row = vec![region.key.to_string()];
        row.extend(change(region.packets));
        row.extend(change(region.rate));
        row.push(or_empty(region.rate.relative()));
        row.extend(estimates(region.sources));
        regions.push(row);
    }
    let mut ports = Table::new("mirai_ports", &["port", "all", "mirai", "share"]);
    for port in &mirai.ports {
        ports.push(vec![
            port.key.to_string(),
            port.all.to_string(),
            port.mirai.to_string(),
            port.share().to_string(),
        ]);
    }
    let mut tables = vec![
        totals,
        regions,
        ports,
        series("mirai_daily", &mirai.daily),
        series("mirai_daily_sources", &mirai.daily_sources),
        series("mirai_unmarked_daily", &mirai.unmarked_daily),
    ];
    tables.extend(mirai.devices.iter().flat_map(devices));
    tables
}

fn devices(devices: &Devices) -> [Table; 2] {
    let mut totals = Table::new("mirai_devices", &["listed", "sources", "matched", "share"]);
    totals.push(vec![
        devices.listed.to_string(),
        devices.sources.to_string(),
        devices.matched.to_string(),
        or_empty(devices.share()),
    ]);
    let mut kinds = Table::new("mirai_device_kinds", &["vendor", "model", "sources"]);
    for kind in &devices.kinds {
        kinds.push(vec![
            kind.vendor.clone(),
            kind.model.clone(),
            kind.sources.to_string(),
        ]);
    }
    [totals, kinds]
}
