//! What was written comes back.

use std::io::Cursor;

use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    support::{Trickle, assert_whole, read, read_bytes, small_files},
    writer::{Interface, Order, PacketBlock, Packing, Pcap, Pcapng, Written},
};

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Little), Just(Order::Big)]
}

fn packing() -> impl Strategy<Value = Packing> {
    prop_oneof![
        Just(Packing::Plain),
        Just(Packing::Gzip),
        (1_usize..500).prop_map(Packing::GzipMembers),
        Just(Packing::Zstd),
        (1_usize..500).prop_map(Packing::ZstdFrames),
    ]
}

fn packet_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![20 => vec(any::<u8>(), 0..100), 1 => vec(any::<u8>(), 0..5_000)]
}

fn pcap() -> impl Strategy<Value = Written> {
    let packet = (any::<u32>(), 0_u32..1_000_000_000, 0_u32..2_000, packet_bytes());
    let link_type = prop_oneof![Just(1_u16), Just(101), Just(113)];
    (order(), any::<bool>(), link_type, vec(packet, 0..50)).prop_map(
        |(order, nanosecond_magic, link_type, packets)| {
            let mut file = Pcap::new(order, nanosecond_magic, link_type);
            for (seconds, fraction, beyond, bytes) in packets {
                let fraction = if nanosecond_magic {
                    fraction
                } else {
                    fraction / 1_000
                };
                file.packet(seconds, fraction, beyond, &bytes);
            }
            file.finish()
        },
    )
}

/// What may come next in a pcapng file.
#[derive(Clone, Debug)]
enum Step {
    Section(Order),
    Interface(Interface),
    Packet {
        kind: PacketBlock,
        interface: Index,
        ticks: u64,
        beyond: u32,
        bytes: Vec<u8>,
    },
    Other(u32, Vec<u8>),
}

fn interface() -> impl Strategy<Value = Interface> {
    (
        prop_oneof![
            Just(1_u16),
            Just(101),
            Just(113),
            Just(105),
            Just(147),
            Just(65_535)
        ],
        prop_oneof![Just(0_u32), Just(262_144), 1_u32..80],
        proptest::option::of(prop_oneof![
            0_u8..13,
            Just(18),
            Just(0x80),
            Just(0x8a),
            Just(0xa0),
            Just(0xbf)
        ]),
        proptest::option::of(prop_oneof![any::<i64>(), -1_000_000_000_i64..1_000_000_000]),
    )
        .prop_map(
            |(link_type, snapshot_length, resolution, offset_seconds)| Interface {
                link_type,
                snapshot_length,
                resolution,
                offset_seconds,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        Just(PacketBlock::Enhanced),
        Just(PacketBlock::EnhancedWithOptions),
        Just(PacketBlock::Obsolete),
        Just(PacketBlock::Simple),
    ];
    let ticks = prop_oneof![any::<u64>(), 0_u64..1_800_000_000_000_000];
    let other = prop_oneof![Just(4_u32), Just(5), Just(10), 0x20_u32..0xffff_ffff]
        .prop_filter("a section header is no other block", |kind| *kind != 0x0a0d_0d0a);
    prop_oneof![
        1 => order().prop_map(Step::Section),
        3 => interface().prop_map(Step::Interface),
        20 => (kind, any::<Index>(), ticks, 0_u32..2_000, packet_bytes()).prop_map(
            |(kind, interface, ticks, beyond, bytes)| Step::Packet { kind, interface, ticks, beyond, bytes }
        ),
        2 => (other, vec(any::<u8>(), 0..200)).prop_map(|(kind, body)| Step::Other(kind, body)),
    ]
}

fn pcapng() -> impl Strategy<Value = Written> {
    (order(), vec(interface(), 0..3), vec(step(), 0..60)).prop_map(|(order, interfaces, steps)| {
        let mut file = Pcapng::new(order);
        for interface in interfaces {
            file.interface(interface);
        }
        for step in steps {
            match step {
                Step::Section(order) => file.section(order),
                Step::Interface(interface) => file.interface(interface),
                Step::Other(kind, body) => file.block(kind, &body),
                Step::Packet { .. } if file.interfaces() == 0 => {}
                Step::Packet {
                    kind,
                    interface,
                    ticks,
                    beyond,
                    bytes,
                } => file.packet(kind, interface.index(file.interfaces()), ticks, beyond, &bytes),
            }
        }
        file.finish()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_was_written_as_pcap_comes_back(
        written in pcap(), packing in packing(), at_once in 1_usize..2_000,
    ) {
        let reading = read(Trickle::new(packing.pack(&written.bytes).0, at_once));
        assert_whole(&reading, &written);
    }

    #[test]
    fn whatever_was_written_as_pcapng_comes_back(
        written in pcapng(), packing in packing(), at_once in 1_usize..2_000,
    ) {
        let reading = read(Trickle::new(packing.pack(&written.bytes).0, at_once));
        assert_whole(&reading, &written);
    }
}

#[test]
fn small_files_come_back_in_every_packing() {
    for (name, written) in small_files() {
        assert!(!written.packets.is_empty(), "{name}");
        for packing in Packing::ALL {
            assert_whole(&read_bytes(&packing.pack(&written.bytes).0), &written);
        }
    }
}

#[test]
fn packets_of_every_length_up_to_the_limit_come_back() {
    // Lengths that put the ends of records before, on and behind the ends of reads, and the longest there is.
    let lengths = [
        262_144, 0, 1, 262_128, 65_535, 262_143, 100_000, 17, 262_144, 262_144,
    ];
    let bytes: Vec<u8> = (0..=250).cycle().take(262_144).collect();
    let mut pcap = Pcap::new(Order::Little, false, 1);
    let mut pcapng = Pcapng::new(Order::Little);
    pcapng.interface(Interface::ETHERNET);
    for length in lengths {
        pcap.packet(1, 2, 0, &bytes[..length]);
        for kind in [PacketBlock::EnhancedWithOptions, PacketBlock::Simple] {
            pcapng.packet(kind, 0, 3, 0, &bytes[..length]);
        }
    }
    for written in [pcap.finish(), pcapng.finish()] {
        assert_whole(&read(Cursor::new(written.bytes.clone())), &written);
        assert_whole(&read(Trickle::new(written.bytes.clone(), 99_999)), &written);
    }
}

#[test]
fn blocks_that_do_not_fit_into_memory_are_skipped() {
    let mut file = Pcapng::new(Order::Big);
    file.interface(Interface::ETHERNET);
    file.block(10, &vec![7; 5_000_001]);
    file.packet(PacketBlock::Enhanced, 0, 1, 0, b"behind it");
    let written = file.finish();
    assert_whole(&read_bytes(&written.bytes), &written);
}
