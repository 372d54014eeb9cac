//! Of what sources are counted apart, and where each count stands.

use sensor_common::ToolSet;

use crate::{pipeline::PortName, region::Region};

/// Marks that a [`ToolSet`] can hold.
const MARKS: usize = 16;

/// A dimension of unique sources: what a row of the table `uniques` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// All sources of observed packets.
    All,
    /// Sources of packets with the Mirai mark.
    Mirai,
    /// Sources of scans of a watched port.
    Port(PortName),
    /// Sources of packets with the Mirai mark to a watched port.
    MiraiPort(PortName),
    /// Sources of packets with the mark of a tool, where it is no more than likely.
    LikelyTool(ToolSet),
    /// Sources of packets with the mark of a tool, where it is sure.
    SureTool(ToolSet),
    /// Sources of observed packets in a region.
    Region(Region),
    /// Sources of packets with the Mirai mark in a region.
    MiraiRegion(Region),
    /// Sources of scans of a watched port in a region.
    PortRegion(PortName, Region),
    /// Sources of TCP SYN to a port of the Internet of Things. A set: subtract [`Marked`](Self::Marked) from it.
    IotSyn,
    /// Sources with the Mirai mark or the sure mark of another tool. A set.
    Marked,
}

impl Dimension {
    /// The name in the table `uniques`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mirai => "mirai",
            Self::Port(_) => "port",
            Self::MiraiPort(_) => "mirai_port",
            Self::LikelyTool(_) => "tool_likely",
            Self::SureTool(_) => "tool_sure",
            Self::Region(_) => "region",
            Self::MiraiRegion(_) => "mirai_region",
            Self::PortRegion(..) => "port_region",
            Self::IotSyn => "iot_syn",
            Self::Marked => "marked",
        }
    }

    /// The port that it is about.
    #[must_use]
    pub const fn port(self) -> Option<PortName> {
        match self {
            Self::Port(port) | Self::MiraiPort(port) | Self::PortRegion(port, _) => Some(port),
            _ => None,
        }
    }

    /// The source region that it is about.
    #[must_use]
    pub const fn region(self) -> Option<Region> {
        match self {
            Self::Region(region) | Self::MiraiRegion(region) | Self::PortRegion(_, region) => Some(region),
            _ => None,
        }
    }

    /// The tool that it is about: one mark.
    #[must_use]
    pub const fn tool(self) -> Option<ToolSet> {
        match self {
            Self::LikelyTool(tool) | Self::SureTool(tool) => Some(tool),
            _ => None,
        }
    }
}

/// Where each counting dimension has its sketch: those of pairs come last, for they alone are many.
#[derive(Clone, Debug)]
pub struct Layout {
    ports: Vec<PortName>,
}

impl Layout {
    /// All sources.
    pub const ALL: usize = 0;
    /// Those with the Mirai mark.
    pub const MIRAI: usize = 1;
    const LIKELY: usize = 2;
    const SURE: usize = Self::LIKELY + MARKS;
    const REGIONS: usize = Self::SURE + MARKS;
    const MIRAI_REGIONS: usize = Self::REGIONS + Region::COUNT;
    const PORTS: usize = Self::MIRAI_REGIONS + Region::COUNT;

    /// A layout for these watched ports.
    #[must_use]
    pub fn new(ports: &[PortName]) -> Self {
        Self {
            ports: ports.to_vec(),
        }
    }

    /// The watched ports in their order.
    #[must_use]
    pub fn ports(&self) -> &[PortName] {
        &self.ports
    }

    /// A mark that is likely, by its bit.
    #[must_use]
    pub const fn likely(bit: u32) -> usize {
        Self::LIKELY + bit as usize
    }

    /// A mark that is sure, by its bit.
    #[must_use]
    pub const fn sure(bit: u32) -> usize {
        Self::SURE + bit as usize
    }

    /// A region.
    #[must_use]
    pub const fn region(region: Region) -> usize {
        Self::REGIONS + region.index()
    }

    /// A region's Mirai sources.
    #[must_use]
    pub const fn mirai_region(region: Region) -> usize {
        Self::MIRAI_REGIONS + region.index()
    }

    /// A watched port, by its place.
    #[must_use]
    pub const fn port(place: usize) -> usize {
        Self::PORTS + place
    }

    /// A watched port's Mirai sources.
    #[must_use]
    pub fn mirai_port(&self, place: usize) -> usize {
        Self::PORTS + self.ports.len() + place
    }

    /// A watched port's sources in a region.
    #[must_use]
    pub fn pair(&self, place: usize, region: Region) -> usize {
        self.first_pair() + place * Region::COUNT + region.index()
    }

    /// The first of the pairs, which are all that follow.
    #[must_use]
    pub fn first_pair(&self) -> usize {
        Self::PORTS + 2 * self.ports.len()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first_pair() + self.ports.len() * Region::COUNT
    }

    /// Every counting dimension with its place.
    pub fn dimensions(&self) -> impl Iterator<Item = (usize, Dimension)> + '_ {
        let regions = || (0..Region::COUNT).filter_map(Region::from_index);
        let ports = || self.ports.iter().copied().enumerate();
        let marks = || (0..u16::BITS).map(|bit| (bit, ToolSet(1 << bit)));
        [(Self::ALL, Dimension::All), (Self::MIRAI, Dimension::Mirai)]
            .into_iter()
            .chain(marks().map(|(bit, tool)| (Self::likely(bit), Dimension::LikelyTool(tool))))
            .chain(marks().map(|(bit, tool)| (Self::sure(bit), Dimension::SureTool(tool))))
            .chain(regions().map(|region| (Self::region(region), Dimension::Region(region))))
            .chain(regions().map(|region| (Self::mirai_region(region), Dimension::MiraiRegion(region))))
            .chain(ports().map(|(place, port)| (Self::port(place), Dimension::Port(port))))
            .chain(ports().map(|(place, port)| (self.mirai_port(place), Dimension::MiraiPort(port))))
            .chain(ports().flat_map(move |(place, port)| {
                regions().map(move |region| (self.pair(place, region), Dimension::PortRegion(port, region)))
            }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_has_one_place_and_every_place_one_dimension() {
        for ports in [&[][..], &["23/tcp"], &["23/tcp", "0/icmp", "5060/udp"]] {
            let ports: Vec<PortName> = ports.iter().map(|text| text.parse().unwrap()).collect();
            let layout = Layout::new(&ports);
            let places: Vec<usize> = layout.dimensions().map(|(place, _)| place).collect();
            assert_eq!(places, (0..layout.len()).collect::<Vec<_>>());
            let names: std::collections::HashSet<_> = layout.dimensions().map(|(_, name)| name).collect();
            assert_eq!(names.len(), layout.len());
        }
    }
}
