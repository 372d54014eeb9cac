//! Random frames that are almost right: structured changes to the cases, for differential runs.

use fastrand::Rng;

use crate::cases::Case;

/// The longest frame that [`random_mutation`] makes: one page with the room that XDP needs.
pub const LONGEST_BYTES: usize = 3_400;

/// The shortest frame that [`random_mutation`] makes when the case itself is no shorter.
const SHORTEST_BYTES: usize = 14;

/// Fields of two octets that say a length, or where one would stand under one VLAN tag: IPv4 total length, IPv6
/// payload length, UDP length behind either.
const LENGTH_FIELDS: [usize; 7] = [16, 18, 20, 22, 38, 42, 58];

/// Single octets that steer a reader: version and header length, protocol, next headers, data offset, flags.
const STEERING: [usize; 12] = [12, 13, 14, 20, 21, 23, 46, 47, 54, 55, 56, 57];

/// Protocol and extension numbers, and the edges of an octet.
const VALUES: [u8; 24] = [
    0, 1, 2, 4, 6, 8, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 0x45, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0x88, 0xff,
];

const ETHERTYPES: [[u8; 2]; 6] = [
    [0x08, 0x00],
    [0x86, 0xdd],
    [0x81, 0x00],
    [0x88, 0xa8],
    [0x91, 0x00],
    [0x08, 0x06],
];

/// Pieces that can be doubled or taken out: (offset, bytes). Ethernet's type and tags, an IPv4 header, TCP and UDP
/// headers, an IPv6 header, the first extension headers.
const PIECES: [(usize, usize); 9] = [
    (12, 2),
    (12, 4),
    (14, 20),
    (14, 40),
    (34, 4),
    (34, 8),
    (34, 20),
    (54, 8),
    (62, 8),
];

/// Destinations at the edges of what the case table watches.
const DESTINATIONS: [[u8; 4]; 8] = [
    [198, 51, 100, 0],
    [198, 51, 100, 255],
    [198, 51, 101, 0],
    [203, 0, 113, 7],
    [10, 99, 255, 255],
    [10, 100, 0, 0],
    [192, 0, 2, 127],
    [192, 0, 2, 128],
];

/// Writes a changed copy of the case's frame into `buffer`: one to four changes, most of them to fields that
/// steer a reader. Whatever was in the buffer is gone; it does not grow beyond [`LONGEST_BYTES`], so a reused one
/// is never reallocated. What is to be expected of the result, nobody knows: two readers have to agree on it.
pub fn random_mutation(rng: &mut Rng, case: &Case, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.reserve(LONGEST_BYTES);
    buffer.extend_from_slice(&case.frame[..case.frame.len().min(LONGEST_BYTES)]);
    for _ in 0..=rng.u8(..) & 3 {
        mutate_once(rng, buffer);
    }
}

fn mutate_once(rng: &mut Rng, frame: &mut Vec<u8>) {
    match rng.u8(..16) {
        0..3 => flip_a_bit(rng, frame),
        3..6 => set(frame, pick(rng, &STEERING), &[pick(rng, &VALUES)]),
        6 => set(frame, rng.usize(..96), &[rng.u8(..)]),
        7..9 => change_a_length(rng, frame),
        9..11 => cut(rng, frame),
        11 => double_a_piece(rng, frame),
        12 => take_out_a_piece(rng, frame),
        13 => set(frame, 12, &pick(rng, &ETHERTYPES)),
        14 => set(frame, 30, &pick(rng, &DESTINATIONS)),
        _ => forge_or_grow(rng, frame),
    }
}

/// One of the headers' bits, or now and then one further on.
fn flip_a_bit(rng: &mut Rng, frame: &mut [u8]) {
    let reach = if rng.bool() { 64 } else { 160 };
    let place = rng.usize(..reach);
    if let Some(octet) = frame.get_mut(place) {
        *octet ^= 1 << rng.u8(..8);
    }
}

/// To nothing, to everything, or to a little more or less than there is.
fn change_a_length(rng: &mut Rng, frame: &mut [u8]) {
    let at = pick(rng, &LENGTH_FIELDS);
    let length = match rng.u8(..4) {
        0 => rng.u16(..64),
        1 => u16::MAX - rng.u16(..4),
        _ => {
            let there = frame.len().saturating_sub(pick(rng, &[14, 18, 34, 54]));
            u16::try_from(there)
                .unwrap_or(u16::MAX)
                .wrapping_add(rng.u16(..5))
                .wrapping_sub(2)
        }
    };
    set(frame, at, &length.to_be_bytes());
}

fn cut(rng: &mut Rng, frame: &mut Vec<u8>) {
    // A short frame stays as it is: those below an Ethernet header have their cases in the table.
    let longest = frame.len().min(160);
    if longest > SHORTEST_BYTES {
        frame.truncate(rng.usize(SHORTEST_BYTES..longest));
    }
}

/// A tag, a header or an extension stands twice.
fn double_a_piece(rng: &mut Rng, frame: &mut Vec<u8>) {
    let (at, bytes) = pick(rng, &PIECES);
    if at + bytes <= frame.len() && frame.len() + bytes <= LONGEST_BYTES {
        let end = frame.len();
        frame.resize(end + bytes, 0);
        frame.copy_within(at..end, at + bytes);
    }
}

fn take_out_a_piece(rng: &mut Rng, frame: &mut Vec<u8>) {
    let (at, bytes) = pick(rng, &PIECES);
    if at + bytes <= frame.len() && frame.len() - bytes >= SHORTEST_BYTES {
        frame.copy_within(at + bytes.., at);
        frame.truncate(frame.len() - bytes);
    }
}

/// Makes the sequence number the destination, as Mirai does, or adds octets at the end.
fn forge_or_grow(rng: &mut Rng, frame: &mut Vec<u8>) {
    if rng.bool() && frame.len() >= 42 {
        frame.copy_within(30..34, 38);
    } else {
        let bytes = rng.usize(..64).min(LONGEST_BYTES - frame.len());
        let filler = rng.u8(..);
        frame.resize(frame.len() + bytes, filler);
    }
}

/// Overwrites what of `bytes` lies within the frame.
fn set(frame: &mut [u8], at: usize, bytes: &[u8]) {
    for (octet, new) in frame.iter_mut().skip(at).zip(bytes) {
        *octet = *new;
    }
}

fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

#[cfg(test)]
mod tests;
