//! Files that somebody tampered with.

use fastrand::Rng;

use crate::{
    peak::peak_kibibytes,
    support::{read_bytes, small_files},
    writer::Packing,
};

const MUTATIONS: usize = 100_000;
/// One octet of deflate or zstd gives at most some thousand octets, but for runs, which zstd packs without a limit
/// worth the name: 128 KiB a block of four bytes.
const MOST_UNPACKED: usize = 128 * 1024 / 4;
/// The shortest packet record: a pcap header without a packet.
const SHORTEST_RECORD: usize = 16;
/// What reading so small a file may take at most, and other tests beside it.
const MOST_KIBIBYTES: u64 = 256 * 1024;

fn mutate(bytes: &mut Vec<u8>, random: &mut Rng) {
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..bytes.len());
        match random.u8(..6) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = random.u8(..),
            2 => {
                // Numbers on the edges: what lengths and counts stumble over.
                let edges = [
                    0,
                    1,
                    3,
                    4,
                    12,
                    0x7fff_ffff,
                    0x8000_0000,
                    u32::MAX,
                    u32::MAX - 3,
                    262_145,
                ];
                let number = random.choice(edges).unwrap();
                let number = if random.bool() {
                    number.to_le_bytes()
                } else {
                    number.to_be_bytes()
                };
                for (place, byte) in bytes[at & !3..].iter_mut().zip(number) {
                    *place = byte;
                }
            }
            3 => bytes.truncate(at.max(1)),
            4 => {
                let end = random.usize(at..bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let end = random.usize(at..bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            return;
        }
    }
}

#[test]
fn a_tampered_file_neither_panics_nor_goes_on_for_ever_nor_fills_the_memory() {
    let mut originals = Vec::new();
    for (_, written) in small_files() {
        for packing in Packing::ALL {
            let most = if packing == Packing::Plain {
                1
            } else {
                MOST_UNPACKED
            };
            originals.push((packing.pack(&written.bytes).0, most));
        }
    }
    let mut random = Rng::with_seed(0x007e_17e4);
    let (mut broken, mut whole) = (0, 0);
    for _ in 0..MUTATIONS {
        let (mut bytes, most) = originals[random.usize(..originals.len())].clone();
        mutate(&mut bytes, &mut random);
        let reading = read_bytes(&bytes);
        assert!(reading.packets.len() <= bytes.len() * most / SHORTEST_RECORD);
        if reading.error.is_some() {
            broken += 1;
        } else {
            whole += 1;
        }
    }
    // Both happen, or the mutations are not worth the name.
    assert!(
        broken > MUTATIONS / 10 && whole > MUTATIONS / 100,
        "{broken} broken, {whole} whole"
    );
    // Of the whole process, with the tests that run beside this one.
    let peak = peak_kibibytes();
    assert!(peak < MOST_KIBIBYTES, "{peak} KiB");
}
