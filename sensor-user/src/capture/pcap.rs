//! The format pcap: a header of 24 bytes, then records of 16 bytes and a packet (draft-ietf-opsawg-pcap).

use super::{
    MAX_PACKET_BYTES, Packet,
    byte_order::ByteOrder,
    error::CaptureError,
    link::{Link, LinkType},
    timestamp::Timestamp,
    window::Window,
};

/// Bytes of the header of a file.
const HEADER_BYTES: usize = 24;
/// Bytes before each packet.
const RECORD_BYTES: usize = 16;
const RECORD: &str = "packet record";

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// What the first four bytes of a file say of all that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    order: ByteOrder,
    /// The unit of the fractions of seconds: 1 or 1,000 nanoseconds.
    fraction_nanoseconds: i64,
}

impl Encoding {
    /// The encoding of a file that begins with these bytes, if it is a pcap file.
    pub(super) fn from_magic(magic: [u8; 4]) -> Option<Self> {
        [ByteOrder::Little, ByteOrder::Big].into_iter().find_map(|order| {
            let fraction_nanoseconds = match order.u32(magic) {
                MICROSECONDS => 1_000,
                NANOSECONDS => 1,
                _ => return None,
            };
            Some(Self {
                order,
                fraction_nanoseconds,
            })
        })
    }
}

/// Reads records.
pub(super) struct Reader {
    encoding: Encoding,
    link: Link,
}

impl Reader {
    /// Reads the header of the file.
    pub(super) fn open(window: &mut Window, encoding: Encoding) -> Result<Self, CaptureError> {
        let order = encoding.order;
        let Some(header) = window.next_bytes::<HEADER_BYTES>() else {
            return Err(window.ended_within(window.offset(), "pcap header"));
        };
        let (major, minor) = (order.u16_at(&header, 4), order.u16_at(&header, 6));
        // Before 2.4 the two lengths of a record stood the other way round, or perhaps not.
        if major != 2 || minor < 4 {
            return Err(window.unsupported(format!(
                "is a pcap file of version {major}.{minor}, not 2.4: convert it with `editcap -F pcapng`"
            )));
        }
        // The upper half says whether frames end with a check sequence, which nothing here looks at.
        let [_, _, upper, lower] = order.u32_at(&header, 20).to_be_bytes();
        let link_type = LinkType(u16::from_be_bytes([upper, lower]));
        let Some(link) = link_type.link() else {
            return Err(window.unsupported_link_type(link_type));
        };
        window.take(HEADER_BYTES);
        Ok(Self { encoding, link })
    }

    /// The next packet, or `None` at the end.
    #[inline]
    pub(super) fn next(&self, window: &mut Window) -> Result<Option<Packet>, CaptureError> {
        let Some(header) = window.peek::<RECORD_BYTES>(RECORD)? else {
            return Ok(None);
        };
        let Encoding {
            order,
            fraction_nanoseconds,
        } = self.encoding;
        let seconds = order.u32_at(&header, 0);
        let fraction = order.u32_at(&header, 4);
        let captured = order.u32_at(&header, 8);
        let original_length = order.u32_at(&header, 12);
        if captured > MAX_PACKET_BYTES {
            return Err(window.corrupt(format!(
                "a packet record claims {captured} bytes, more than any recorder writes ({MAX_PACKET_BYTES})"
            )));
        }
        let bytes = RECORD_BYTES + captured as usize;
        window.require(bytes, RECORD)?;
        let mut place = window.take(bytes);
        place.start += RECORD_BYTES;
        Ok(Some(Packet {
            link: self.link,
            timestamp: Some(Timestamp::from_pcap(seconds, fraction, fraction_nanoseconds)),
            original_length,
            place,
        }))
    }
}
