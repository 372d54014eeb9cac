//! The watch list as the packet path asks it.

use aya_ebpf::btf_maps::lpm_trie::Key;
use sensor_common::{
    Address,
    watch::{ALL, FIRST_BLOCK, NONE, Watch, block_bit},
};

use crate::maps::{WATCH_BLOCKS, WATCH_INDEX, WATCH_V6, config};

/// The watch list that user space wrote before it attached the program.
pub struct WatchMaps;

impl Watch for WatchMaps {
    #[inline(always)]
    fn contains_v4(&self, address: u32) -> bool {
        let Some(index) = WATCH_INDEX.get(0) else {
            return false;
        };
        match index[(address >> 16) as usize] {
            NONE => false,
            ALL => true,
            entry => {
                let (word, bit) = block_bit(address);
                WATCH_BLOCKS
                    .get(u32::from(entry - FIRST_BLOCK))
                    .is_some_and(|block| block[word] >> bit & 1 != 0)
            }
        }
    }

    #[inline(always)]
    fn contains_v6(&self, address: Address) -> bool {
        if config().watch_v6 == 0 {
            return false;
        }
        let bits = u128::from(address.high) << 64 | u128::from(address.low);
        WATCH_V6.get(&Key::new(128, bits.to_be_bytes())).is_some()
    }
}
