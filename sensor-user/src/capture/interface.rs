//! What a pcapng section says of one interface: link type, snapshot length, clock.

use super::{byte_order::ByteOrder, link::LinkType, timestamp::Clock};

const END_OF_OPTIONS: u16 = 0;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

/// An interface description block (draft-ietf-opsawg-pcapng, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) link_type: LinkType,
    /// Bytes after which packets are cut; `u32::MAX` where the file says that none are.
    pub(super) snapshot_length: u32,
    pub(super) clock: Clock,
}

/// An option that cannot be read. To go on without it would be to guess the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MalformedOption {
    #[error("an option {0} of an interface that reaches beyond its block")]
    BeyondBlock(u16),
    #[error("an option {code} of an interface with {bytes} bytes instead of {expected}")]
    Length {
        code: u16,
        bytes: usize,
        expected: usize,
    },
}

impl Interface {
    /// Reads the block from its type to the end of its options.
    pub(super) fn parse(
        order: ByteOrder,
        header: &[u8; 16],
        options: &[u8],
    ) -> Result<Self, MalformedOption> {
        let snapshot_length = match order.u32_at(header, 12) {
            0 => u32::MAX,
            length => length,
        };
        Ok(Self {
            link_type: LinkType(order.u16_at(header, 8)),
            snapshot_length,
            clock: clock(order, options)?,
        })
    }
}

/// The clock that the options describe.
fn clock(order: ByteOrder, mut options: &[u8]) -> Result<Clock, MalformedOption> {
    let mut clock = Clock::MICROSECONDS;
    while let Some((head, rest)) = options.split_first_chunk::<4>() {
        let code = order.u16_at(head, 0);
        let bytes = usize::from(order.u16_at(head, 2));
        if code == END_OF_OPTIONS {
            break;
        }
        let value = rest.get(..bytes).ok_or(MalformedOption::BeyondBlock(code))?;
        match code {
            TIME_RESOLUTION => {
                let [resolution] = fixed(code, value)?;
                clock = clock.with_resolution(resolution);
            }
            TIME_OFFSET => clock = clock.with_offset(order.i64(fixed(code, value)?)),
            _ => {}
        }
        // Blocks and options are multiples of four bytes, so the padding is there.
        options = rest.get(bytes.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(clock)
}

/// The value of an option whose length is known.
fn fixed<const N: usize>(code: u16, value: &[u8]) -> Result<[u8; N], MalformedOption> {
    value.try_into().map_err(|_| MalformedOption::Length {
        code,
        bytes: value.len(),
        expected: N,
    })
}
