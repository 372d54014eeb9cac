//! The packets of each kind: fields drawn, template filled, truth noted.

use sensor_common::{
    Class::{Backscatter, Other, Scan},
    Outcome,
    counters::PortCounters,
};

use super::{
    Scenario, Tool,
    addresses::{Destinations, Source, source_v6},
    mix::Kind,
    template::Fields,
    tools::COMMON_TTL,
    truth::{Observed, Sender},
};

/// What a TCP segment adds to its port.
const SEGMENT: PortCounters = PortCounters {
    tcp: 1,
    syn: 0,
    mirai: 0,
    udp: 0,
};
/// What a SYN adds.
const SYN: PortCounters = PortCounters { syn: 1, ..SEGMENT };
/// What a Mirai probe adds.
const MIRAI: PortCounters = PortCounters { mirai: 1, ..SYN };

/// IPv6 sources, however large the plan.
const SOURCES_V6: u32 = 400;

impl Scenario {
    /// Fields of a packet from `source` to a watched address: client port, distance and numbers drawn.
    fn fields(&mut self, source: Source, destination_port: u16) -> Fields<u32> {
        Fields {
            source: source.address,
            destination: self.destinations.watched(&mut self.rng),
            ttl: COMMON_TTL - hops(source.address),
            id: self.rng.u16(..),
            source_port: self.rng.u16(1_024..),
            destination_port,
            sequence: self.rng.u32(..),
            acknowledgement: 0,
            window: 0,
        }
    }

    pub(super) fn mirai(&mut self, source: Source, port: u16, buffer: &mut Vec<u8>) {
        let mut fields = self.fields(source, port);
        fields.sequence = fields.destination;
        // One source port, at least 1024, and one window for each process.
        let [_, _, _, _, port_high, port_low, window_high, window_low] =
            character(source.address).to_be_bytes();
        fields.source_port = u16::from_be_bytes([port_high, port_low]).max(1_024);
        fields.window = u16::from_be_bytes([window_high, window_low]);
        let template = self.templates.syns.template(Tool::Mirai, &mut fields);
        template.fill_v4(&fields, buffer);
        self.truth.add_tool(Tool::Mirai, port);
        self.note_tcp(source, port, MIRAI);
    }

    pub(super) fn scan(&mut self, source: Source, port: u16, buffer: &mut Vec<u8>) {
        let mut fields = self.fields(source, port);
        let tool = self.templates.syns.of_source(character(source.address));
        let template = self.templates.syns.template(tool, &mut fields);
        template.fill_v4(&fields, buffer);
        self.truth.add_tool(tool, port);
        self.note_tcp(source, port, SYN);
    }

    /// Notes a SYN.
    fn note_tcp(&mut self, source: Source, port: u16, gained: PortCounters) {
        let observed = Observed::tcp(Scan, port, port, gained);
        self.truth.add(&observed, Sender::V4(source));
    }

    pub(super) fn udp_probe(&mut self, kind: Kind, buffer: &mut Vec<u8>) {
        let source = self.senders.udp.next(&mut self.rng);
        let mut fields = self.fields(source, 0);
        let templates = &self.templates;
        let (port, template) = match kind {
            Kind::Sip => (5_060, &templates.sip),
            Kind::Dns => (53, &templates.dns),
            Kind::Ntp => (123, &templates.ntp),
            Kind::Ssdp => (1_900, &templates.ssdp),
            _ => (11_211, &templates.memcached),
        };
        fields.destination_port = port;
        if kind == Kind::Sip {
            fields.source_port = 5_060;
            self.truth.add_tool(Tool::SipVicious, port);
        } else {
            // From 32768 on: nobody asks from a port whose answers would be taken for backscatter.
            fields.source_port |= 0x8000;
        }
        template.fill_v4(&fields, buffer);
        let observed = Observed::udp(Scan, port, port);
        self.truth.add(&observed, Sender::V4(source));
    }

    /// Fields of an answer: from a victim's one attacked port to a client's port.
    fn answer(&mut self, source: Source, service: u16) -> Fields<u32> {
        let client_port = self.rng.u16(1_024..);
        let mut fields = self.fields(source, client_port);
        fields.source_port = service;
        fields
    }

    pub(super) fn tcp_answer(&mut self, kind: Kind, buffer: &mut Vec<u8>) {
        let source = self.senders.victims.next(&mut self.rng);
        let service = self.draws.attacked_ports.at(character(source.address) >> 32);
        let mut fields = self.answer(source, service);
        let template = match kind {
            Kind::SynAck => {
                fields.acknowledgement = self.rng.u32(..);
                fields.window = 29_200;
                &self.templates.syn_ack
            }
            Kind::Rst => &self.templates.rst,
            _ => {
                fields.acknowledgement = self.rng.u32(..);
                &self.templates.rst_ack
            }
        };
        template.fill_v4(&fields, buffer);
        let observed = Observed::tcp(Backscatter, service, fields.destination_port, SEGMENT);
        self.truth.add(&observed, Sender::V4(source));
    }

    pub(super) fn dns_answer(&mut self, buffer: &mut Vec<u8>) {
        let source = self.senders.victims.next(&mut self.rng);
        let fields = self.answer(source, 53);
        self.templates.dns_answer.fill_v4(&fields, buffer);
        let observed = Observed::udp(Backscatter, 53, fields.destination_port);
        self.truth.add(&observed, Sender::V4(source));
    }

    pub(super) fn unreachable(&mut self, buffer: &mut Vec<u8>) {
        let source = self.senders.victims.next(&mut self.rng);
        let fields = self.fields(source, 0);
        let (code, template) = &self.templates.unreachable[usize::from(self.rng.bool())];
        template.fill_v4(&fields, buffer);
        let observed = Observed::icmp(Backscatter, 3, *code);
        self.truth.add(&observed, Sender::V4(source));
    }

    pub(super) fn echo(&mut self, buffer: &mut Vec<u8>) {
        let source = self.senders.pinging.next(&mut self.rng);
        let fields = self.fields(source, 0);
        self.templates.echo.fill_v4(&fields, buffer);
        let observed = Observed::icmp(Scan, 8, 0);
        self.truth.add(&observed, Sender::V4(source));
    }

    pub(super) fn over_ipv6(&mut self, kind: Kind, buffer: &mut Vec<u8>) {
        let watched = self.destinations.watched_v6(&mut self.rng);
        let port = self.draws.ipv6_ports.next(&mut self.rng);
        let fields = Fields {
            source: source_v6(&mut self.rng, SOURCES_V6),
            destination: watched.unwrap_or_else(|| Destinations::elsewhere_v6(&mut self.rng)),
            ttl: 54,
            id: 0,
            source_port: self.rng.u16(1_024..),
            destination_port: port,
            sequence: self.rng.u32(..),
            acknowledgement: 0,
            window: 64_800,
        };
        let observed = if kind == Kind::Ipv6Scan {
            self.templates.syn_v6.fill_v6(&fields, buffer);
            Observed::tcp(Scan, port, port, SYN)
        } else {
            self.templates.echo_v6.fill_v6(&fields, buffer);
            Observed::icmpv6(Scan, 128, 0)
        };
        if watched.is_some() {
            self.truth.add(&observed, Sender::V6(fields.source));
        } else {
            self.truth.add_unobserved(Outcome::NotWatched);
        }
    }

    pub(super) fn without_ports(&mut self, kind: Kind, buffer: &mut Vec<u8>) {
        let source = self.senders.others.next(&mut self.rng);
        let fields = self.fields(source, 0);
        let (outcome, protocol, template) = match kind {
            Kind::Fragment => (Outcome::ObservedFragment, 17, &self.templates.fragment),
            _ => (Outcome::ObservedOther, 47, &self.templates.gre),
        };
        template.fill_v4(&fields, buffer);
        let observed = Observed::bare(outcome, protocol, Other, 0);
        self.truth.add(&observed, Sender::V4(source));
    }

    pub(super) fn not_watched(&mut self, buffer: &mut Vec<u8>) {
        let source = self.senders.others.next(&mut self.rng);
        let port = self.draws.scan_ports.next(&mut self.rng);
        let mut fields = self.fields(source, port);
        fields.destination = self.destinations.beside(&mut self.rng);
        let template = self.templates.syns.template(Tool::Plain, &mut fields);
        template.fill_v4(&fields, buffer);
        self.truth.add_unobserved(Outcome::NotWatched);
    }
}

/// What is peculiar to a source: the same bits for each of its packets.
const fn character(source: u32) -> u64 {
    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    let mut bits = (source as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// How many routers lie between a source and the telescope: 5 to 24.
const fn hops(source: u32) -> u8 {
    5 + (character(source) >> 56) as u8 % 20
}
