//! The test's own writer and the reader, against `pcap-parser`.

use std::io::Cursor;

use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader, traits::PcapNGPacketBlock as _};

use crate::{
    support::{read_bytes, small_files},
    writer::Written,
};

/// Original length and bytes of every packet that `pcap-parser` finds, of whatever link type. It leaves obsolete
/// packet blocks and snapshot lengths to its user.
fn reference(written: &Written) -> Vec<(u32, Vec<u8>)> {
    let mut reader = create_reader(1 << 20, Cursor::new(written.bytes.clone())).unwrap();
    let mut packets = Vec::new();
    loop {
        match reader.next() {
            Ok((bytes, block)) => {
                match block {
                    PcapBlockOwned::Legacy(packet) => packets.push((packet.origlen, packet.data.to_vec())),
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        packets.push((packet.origlen, packet.packet_data().to_vec()));
                    }
                    _ => {}
                }
                reader.consume(bytes);
            }
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(PcapError::Eof) => return packets,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn another_reader_finds_the_same_packets() {
    for (name, written) in small_files() {
        let mut packets = reference(&written);
        let mut ours = read_bytes(&written.bytes).packets;
        if name.starts_with("pcapng") {
            // The one of link type 105, then the two kinds of block that the reference leaves out.
            packets.remove(2);
            ours.truncate(ours.len() - 2);
        }
        let ours: Vec<_> = ours
            .into_iter()
            .map(|packet| (packet.original_length, packet.bytes))
            .collect();
        assert!(!packets.is_empty());
        assert_eq!(packets, ours, "{name}");
    }
}
