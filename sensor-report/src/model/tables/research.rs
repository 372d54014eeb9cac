//! Tables of packets of scanners of research.

use super::{Table, change, estimates};
use crate::model::ResearchScans;

pub(super) fn research(research: &ResearchScans) -> [Table; 2] {
    let columns = ["packets_before", "packets_after"];
    let mut scanners = Table::new("research", &["scanner", columns[0], columns[1]]);
    let all = ("all".to_owned(), research.packets);
    let each = research.scanners.iter();
    for (name, packets) in [all]
        .into_iter()
        .chain(each.map(|scanner| (scanner.name.clone(), scanner.packets)))
    {
        let [before, after] = change(packets);
        scanners.push(vec![name, before, after]);
    }
    let header = ["port", columns[0], columns[1], "share_before", "share_after"];
    let mut ports = Table::new("research_ports", &header);
    let all = ("all".to_owned(), research.packets, research.share);
    let each = research.ports.iter();
    for (name, packets, share) in [all]
        .into_iter()
        .chain(each.map(|port| (port.key.to_string(), port.packets, port.share)))
    {
        let mut row = vec![name];
        row.extend(change(packets));
        row.extend(estimates(share));
        ports.push(row);
    }
    [scanners, ports]
}
