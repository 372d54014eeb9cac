//! The format pcapng: sections of blocks (draft-ietf-opsawg-pcapng).

use super::{
    MAX_PACKET_BYTES, Packet, SkippedPackets,
    byte_order::ByteOrder,
    error::CaptureError,
    interface::Interface,
    window::{LONGEST_RECORD_BYTES, Window},
};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete since 2009, and still found in old archives.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// The version that sections must have before the point.
const MAJOR_VERSION: u16 = 1;

/// Bytes of a block's type and length, which every block begins with.
const HEAD_BYTES: usize = 8;
/// Bytes of the length that every block ends with.
const TAIL_BYTES: usize = 4;
/// Bytes before the packet in the blocks that have a time.
const PACKET_BYTES: usize = 28;
/// Bytes before the packet in the block that has none.
const SIMPLE_PACKET_BYTES: usize = 12;
const SECTION_HEADER_BYTES: usize = 24;
const INTERFACE_BYTES: usize = 16;

/// Interfaces that a section may describe, so that a hostile file cannot fill the memory with them.
const MAX_INTERFACES: usize = 1 << 16;

const BLOCK: &str = "pcapng block";
const LENGTHS_DIFFER: &str = "a block whose lengths at its two ends differ";

/// Reads blocks.
pub(super) struct Reader {
    order: ByteOrder,
    /// Of the current section.
    interfaces: Vec<Interface>,
}

impl Reader {
    /// Whether a file that begins with these bytes is a pcapng file.
    pub(super) const fn is_magic(magic: [u8; 4]) -> bool {
        // The same in both orders.
        u32::from_be_bytes(magic) == SECTION_HEADER
    }

    /// Reads the header of the first section.
    pub(super) fn open(window: &mut Window) -> Result<Self, CaptureError> {
        let mut reader = Self {
            order: ByteOrder::Little,
            interfaces: Vec::new(),
        };
        reader.begin_section(window)?;
        Ok(reader)
    }

    /// The next packet of an interface that can be read, or `None` at the end.
    #[inline]
    pub(super) fn next(
        &mut self,
        window: &mut Window,
        skipped: &mut SkippedPackets,
    ) -> Result<Option<Packet>, CaptureError> {
        while let Some(head) = window.peek::<HEAD_BYTES>(BLOCK)? {
            let length = self.order.u32_at(&head, 4);
            let packet = match self.order.u32_at(&head, 0) {
                ENHANCED_PACKET => self.packet(window, length, ByteOrder::u32_at, skipped)?,
                SIMPLE_PACKET => self.simple_packet(window, length, skipped)?,
                PACKET => self.packet(window, length, interface_of_obsolete_packet, skipped)?,
                SECTION_HEADER => {
                    self.begin_section(window)?;
                    None
                }
                INTERFACE_DESCRIPTION => {
                    self.describe_interface(window, length)?;
                    None
                }
                _ => {
                    self.skip_block(window, length)?;
                    None
                }
            };
            if packet.is_some() {
                return Ok(packet);
            }
        }
        Ok(None)
    }

    /// A section header block: from here on another byte order may hold, and other interfaces.
    fn begin_section(&mut self, window: &mut Window) -> Result<(), CaptureError> {
        let Some(head) = window.next_bytes::<12>() else {
            return Err(window.ended_within(window.offset(), BLOCK));
        };
        let Some(order) = [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| order.u32_at(&head, 8) == BYTE_ORDER_MAGIC)
        else {
            return Err(window.corrupt("a pcapng section header without its byte-order mark"));
        };
        self.order = order;
        self.interfaces.clear();
        let length = order.u32_at(&head, 4);
        let header = *whole_block::<SECTION_HEADER_BYTES>(window, order, length)?.0;
        let (major, minor) = (order.u16_at(&header, 12), order.u16_at(&header, 14));
        if major != MAJOR_VERSION {
            return Err(window.unsupported(format!(
                "has a pcapng section of version {major}.{minor}, not {MAJOR_VERSION}.0: \
                 convert it with `editcap -F pcapng`"
            )));
        }
        window.take(length as usize);
        Ok(())
    }

    /// An interface description block.
    fn describe_interface(&mut self, window: &mut Window, length: u32) -> Result<(), CaptureError> {
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(window.corrupt(format!("a section with more than {MAX_INTERFACES} interfaces")));
        }
        let (header, options) = whole_block::<INTERFACE_BYTES>(window, self.order, length)?;
        let interface = Interface::parse(self.order, header, options);
        self.interfaces
            .push(interface.map_err(|malformed| window.corrupt(malformed.to_string()))?);
        window.take(length as usize);
        Ok(())
    }

    /// An enhanced packet block or an obsolete packet block: they differ in how the interface is written.
    #[inline]
    fn packet(
        &self,
        window: &mut Window,
        length: u32,
        interface_at: impl Fn(ByteOrder, &[u8; PACKET_BYTES], usize) -> u32,
        skipped: &mut SkippedPackets,
    ) -> Result<Option<Packet>, CaptureError> {
        let (header, rest) = whole_block::<PACKET_BYTES>(window, self.order, length)?;
        let (header, room) = (*header, rest.len());
        let interface = self.interface(window, interface_at(self.order, &header, 8))?;
        let ticks =
            u64::from(self.order.u32_at(&header, 12)) << 32 | u64::from(self.order.u32_at(&header, 16));
        let captured = self.order.u32_at(&header, 20);
        check_captured(window, captured, room)?;
        let start = window.take(length as usize).start + PACKET_BYTES;
        let Some(link) = interface.link_type.link() else {
            skipped.count(interface.link_type);
            return Ok(None);
        };
        Ok(Some(Packet {
            link,
            timestamp: interface.clock.time(ticks),
            original_length: self.order.u32_at(&header, 24),
            place: start..start + captured as usize,
        }))
    }

    /// A simple packet block: of the first interface, without a time, and cut where that interface cuts.
    fn simple_packet(
        &self,
        window: &mut Window,
        length: u32,
        skipped: &mut SkippedPackets,
    ) -> Result<Option<Packet>, CaptureError> {
        let (header, rest) = whole_block::<SIMPLE_PACKET_BYTES>(window, self.order, length)?;
        let (original_length, room) = (self.order.u32_at(header, 8), rest.len());
        let interface = self.interface(window, 0)?;
        let captured = original_length.min(interface.snapshot_length);
        check_captured(window, captured, room)?;
        let start = window.take(length as usize).start + SIMPLE_PACKET_BYTES;
        let Some(link) = interface.link_type.link() else {
            skipped.count(interface.link_type);
            return Ok(None);
        };
        Ok(Some(Packet {
            link,
            timestamp: None,
            original_length,
            place: start..start + captured as usize,
        }))
    }

    /// A block of another kind, however long.
    fn skip_block(&self, window: &mut Window, length: u32) -> Result<(), CaptureError> {
        check_alignment(window, length)?;
        let Some(body) = (length as usize)
            .checked_sub(TAIL_BYTES)
            .filter(|body| *body >= HEAD_BYTES)
        else {
            return Err(too_short(window, length));
        };
        let block = window.offset();
        window.skip(body as u64, block, BLOCK)?;
        let Some(tail) = window.next_bytes::<TAIL_BYTES>() else {
            return Err(window.ended_within(block, BLOCK));
        };
        if self.order.u32(tail) != length {
            return Err(window.corrupt_at(block, LENGTHS_DIFFER));
        }
        window.take(TAIL_BYTES);
        Ok(())
    }

    #[inline]
    fn interface(&self, window: &Window, number: u32) -> Result<&Interface, CaptureError> {
        self.interfaces
            .get(number as usize)
            .ok_or_else(|| window.corrupt(format!("a packet of interface {number}, which is not described")))
    }
}

/// An obsolete packet block has 16 bits for the interface, and 16 for a count of drops.
fn interface_of_obsolete_packet(order: ByteOrder, header: &[u8; PACKET_BYTES], at: usize) -> u32 {
    u32::from(order.u16_at(header, at))
}

/// The block that comes next: `N` bytes of header, and the rest without the length at the end.
#[inline]
fn whole_block<const N: usize>(
    window: &mut Window,
    order: ByteOrder,
    length: u32,
) -> Result<(&[u8; N], &[u8]), CaptureError> {
    check_alignment(window, length)?;
    if length as usize > LONGEST_RECORD_BYTES {
        return Err(window.corrupt(format!(
            "a block claims {length} bytes, more than a packet and its options take ({LONGEST_RECORD_BYTES})"
        )));
    }
    window.require(length as usize, BLOCK)?;
    let block = window.ahead().get(..length as usize).unwrap_or_default();
    let Some((header, (rest, tail))) = block
        .split_first_chunk()
        .and_then(|(header, rest)| Some((header, rest.split_last_chunk()?)))
    else {
        return Err(too_short(window, length));
    };
    if order.u32(*tail) != length {
        return Err(window.corrupt(LENGTHS_DIFFER));
    }
    Ok((header, rest))
}

#[inline]
fn check_alignment(window: &Window, length: u32) -> Result<(), CaptureError> {
    if length.is_multiple_of(4) {
        return Ok(());
    }
    Err(window.corrupt(format!(
        "a block claims {length} bytes, and blocks are multiples of 4"
    )))
}

/// Whether the packet fits into its block, and into what is called a packet.
#[inline]
fn check_captured(window: &Window, captured: u32, room: usize) -> Result<(), CaptureError> {
    if captured <= MAX_PACKET_BYTES && captured as usize <= room {
        return Ok(());
    }
    Err(window.corrupt(format!(
        "a packet claims {captured} bytes in a block that has room for {room}; \
         at most {MAX_PACKET_BYTES} are read"
    )))
}

#[cold]
fn too_short(window: &Window, length: u32) -> CaptureError {
    window.corrupt(format!("a block of {length} bytes is too short for its kind"))
}
