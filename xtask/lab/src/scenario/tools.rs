//! The manners of scanning tools: what their SYNs look like on the wire.

use super::{
    mix::Draw,
    template::{Fields, Shape, Template},
};
use crate::frames::{Ipv4, Tcp};
use sensor_common::tool::Tool as Mark;

/// Whose manner a scan has. The rules are those by which telescopes tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tool {
    /// A connection of a Linux host: no tool's mark.
    Plain,
    /// Mirai: sequence number = destination (`bot/scanner.c`).
    Mirai,
    /// `ZMap` up to 4.0: IP identification 54321, TTL 255, window 65535 (`packet.c`).
    Zmap,
    /// `ZMap` from 4.1: options MSS 1460, NOP, window scale 8, NOP, NOP, SACK permitted; TTL 64, window 65535.
    ZmapNew,
    /// masscan up to 1.3.2: identification = lower half of destination ^ port ^ sequence; TTL 255, window 1024,
    /// no options (`templ-pkt.c`).
    Masscan,
    /// masscan after 2023-11: the same identification, window 1025, MSS 1460.
    MasscanNew,
    /// Nmap's SYN scan: window 1024, MSS 1460, TTL 37 to 59 at the source, a number mixed twice into the sequence number
    /// (`scan_engine_raw.cc`).
    Nmap,
    /// Unicornscan: window 4128, MSS 1460, TTL 255, a sequence number from which its key can be had (`tcphash.h`).
    Unicornscan,
    /// `SIPVicious`: its OPTIONS request over UDP.
    SipVicious,
}

impl Tool {
    /// Every manner, in the order of their places.
    pub const ALL: [Self; 9] = [
        Self::Plain,
        Self::Mirai,
        Self::Zmap,
        Self::ZmapNew,
        Self::Masscan,
        Self::MasscanNew,
        Self::Nmap,
        Self::Unicornscan,
        Self::SipVicious,
    ];

    /// The mark that a SYN of this manner has, whatever its port.
    pub(super) const fn mark(self) -> Option<Mark> {
        match self {
            Self::Plain | Self::SipVicious => None,
            Self::Mirai => Some(Mark::Mirai),
            Self::Zmap => Some(Mark::Zmap),
            Self::ZmapNew => Some(Mark::Zmap41),
            Self::Masscan => Some(Mark::Masscan),
            Self::MasscanNew => Some(Mark::Masscan2023),
            Self::Nmap => Some(Mark::Nmap),
            Self::Unicornscan => Some(Mark::Unicornscan),
        }
    }
}

/// Sources of SYN scans with each manner, in a hundred.
pub const SCAN_TOOLS: [(Tool, usize); 7] = [
    (Tool::Plain, 15),
    (Tool::Unicornscan, 5),
    (Tool::Zmap, 15),
    (Tool::ZmapNew, 15),
    (Tool::Masscan, 25),
    (Tool::MasscanNew, 10),
    (Tool::Nmap, 15),
];

/// The time to live with which most hosts send.
pub(super) const COMMON_TTL: u8 = 64;

/// `ZMap`'s identification up to 4.0.
const ZMAP_ID: u16 = 54_321;

const MSS_1460: [u8; 4] = [2, 4, 5, 0xb4];

/// One template for each manner of a SYN.
#[derive(Clone, Debug)]
pub(super) struct Syns {
    bare: Template,
    linux: Template,
    zmap_new: Template,
    with_mss: Template,
    by_source: Draw<Tool>,
}

impl Syns {
    pub(super) fn new() -> Self {
        let syn = |fragment, options: &[u8]| {
            let content = Tcp {
                source: 0,
                sequence: 0,
                window: 0,
                options: options.to_vec(),
                ..Tcp::syn(0)
            };
            Template::v4(Shape::Tcp, fragment, content)
        };
        // MSS, SACK permitted, timestamps, NOP, window scale 7.
        let linux = [
            2, 4, 5, 0xb4, 4, 2, 8, 10, 0x1c, 0x5e, 0x27, 0x93, 0, 0, 0, 0, 1, 3, 3, 7,
        ];
        let zmap_new = [2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
        Self {
            bare: syn(0, &[]),
            linux: syn(Ipv4::DONT_FRAGMENT, &linux),
            zmap_new: syn(0, &zmap_new),
            with_mss: syn(0, &MSS_1460),
            by_source: Draw::new(SCAN_TOOLS),
        }
    }

    /// The manner of a source: always the same one.
    pub(super) fn of_source(&self, character: u64) -> Tool {
        // Not the bits that choose the distance.
        self.by_source.at(character >> 40)
    }

    /// The template of a manner. Adjusts the fields that the tool sets; `ttl` comes in as if it had begun with
    /// [`COMMON_TTL`].
    pub(super) fn template(&self, tool: Tool, fields: &mut Fields<u32>) -> &Template {
        let hops = COMMON_TTL - fields.ttl;
        if tool != Tool::Mirai {
            while sequence(tool, fields) == fields.destination {
                fields.sequence ^= 1;
                fields.source_port ^= 1;
            }
            fields.sequence = sequence(tool, fields);
        }
        let masscan_id = low_half(fields.destination ^ u32::from(fields.destination_port) ^ fields.sequence);
        let (template, ttl, window) = match tool {
            Tool::Plain | Tool::SipVicious => (&self.linux, COMMON_TTL, 64_240),
            // Mirai keeps one window for each process; the generator has set it.
            Tool::Mirai => (&self.bare, COMMON_TTL, fields.window),
            Tool::Zmap => (&self.bare, 255, 65_535),
            Tool::ZmapNew => (&self.zmap_new, COMMON_TTL, 65_535),
            Tool::Masscan => (&self.bare, 255, 1_024),
            Tool::MasscanNew => (&self.with_mss, 255, 1_025),
            Tool::Nmap => (&self.with_mss, 59, 1_024),
            Tool::Unicornscan => (&self.with_mss, 255, 4_128),
        };
        fields.ttl = ttl - hops;
        fields.window = window;
        match tool {
            Tool::Zmap => fields.id = ZMAP_ID,
            Tool::Masscan | Tool::MasscanNew => fields.id = masscan_id,
            _ => {
                // Nobody else has these identifications, not even by chance.
                while fields.id == ZMAP_ID || fields.id == masscan_id {
                    fields.id = fields.id.wrapping_add(1);
                }
            }
        }
        template
    }
}

/// The sequence number of a probe; what is drawn for it comes in.
fn sequence(tool: Tool, fields: &Fields<u32>) -> u32 {
    // One number for all probes of a source: the same scan.
    let of_scan = fields.source.wrapping_mul(0x9e37_79b1);
    match tool {
        Tool::Nmap => {
            let number = fields.sequence & 0xffff;
            of_scan ^ (number << 16 | number)
        }
        Tool::Unicornscan => {
            let ports = u32::from(fields.destination_port) << 16 | u32::from(fields.source_port);
            of_scan ^ fields.destination.swap_bytes() ^ ports
        }
        _ => fields.sequence,
    }
}

const fn low_half(number: u32) -> u16 {
    let [_, _, high, low] = number.to_be_bytes();
    u16::from_be_bytes([high, low])
}
