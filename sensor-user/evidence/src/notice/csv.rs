//! A notice as the darknet event report of the Shadowserver Foundation, which existing tools read.

use super::{Line, Network, Service, moment};
use crate::escape::csv_cell;

/// The columns, in order: `event4_honeypot_darknet` as the foundation documents it (with `severity`, of December 2023).
pub const COLUMNS: [&str; 32] = [
    "timestamp",
    "protocol",
    "src_ip",
    "src_port",
    "src_asn",
    "src_geo",
    "src_region",
    "src_city",
    "src_hostname",
    "src_naics",
    "src_sector",
    "device_vendor",
    "device_type",
    "device_model",
    "severity",
    "dst_ip",
    "dst_port",
    "dst_asn",
    "dst_geo",
    "dst_region",
    "dst_city",
    "dst_hostname",
    "dst_naics",
    "dst_sector",
    "public_source",
    "infection",
    "family",
    "tag",
    "application",
    "version",
    "event_id",
    "count",
];

/// The mark that speaks of an infection, and not of a scanner at work.
const INFECTION: &str = "mirai";

/// The rows of all networks, one for each source and service. `dst_ip` is empty: watched addresses are secret.
#[must_use]
pub fn csv(networks: &[Network]) -> String {
    let mut text = row(COLUMNS.iter().map(|column| (*column).to_owned()));
    for line in networks.iter().flat_map(|network| &network.lines) {
        text.push_str(&row(COLUMNS.iter().map(|column| value(line, column))));
    }
    text
}

fn row(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells
        .map(|cell| if cell.is_empty() { cell } else { csv_cell(&cell) })
        .collect();
    format!("{}\r\n", cells.join(","))
}

fn value(line: &Line, column: &str) -> String {
    let text = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    let (source_port, destination_port) = match line.service() {
        Service::Ports(source, destination) => (source, destination),
        Service::Message(..) | Service::None => (None, None),
    };
    match column {
        "timestamp" => moment(line.first, "%Y-%m-%d %H:%M:%S"),
        "protocol" => line.transport.clone(),
        "src_ip" => line.source.to_string(),
        "src_port" => text(source_port.map(u32::from)),
        "src_asn" => text(line.system),
        "src_geo" => line.region.clone(),
        "severity" => if line.research.is_some() { "info" } else { "high" }.to_owned(),
        "dst_port" => text(destination_port.map(u32::from)),
        "infection" => {
            if line.tools.contains(INFECTION) {
                INFECTION.to_owned()
            } else {
                String::new()
            }
        }
        "tag" => tags(line),
        "count" => line.packets.to_string(),
        _ => String::new(),
    }
}

/// Class, marks, and whose research scanner it is.
fn tags(line: &Line) -> String {
    let research = line.research.iter().map(|name| format!("research:{name}"));
    let tags: Vec<_> = [line.class.clone()]
        .into_iter()
        .chain(line.tools.iter().cloned())
        .chain(research)
        .collect();
    tags.join(";")
}
