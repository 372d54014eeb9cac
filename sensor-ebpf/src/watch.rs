//! The watch list as the packet path asks it.

use core::{mem::MaybeUninit, ptr::write_volatile};

use aya_ebpf::btf_maps::{LpmTrie, lpm_trie::Key};
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
        holds(&WATCH_V6, address)
    }
}

/// Whether a list of prefixes holds an address, which is the mapped one for IPv4.
#[inline(always)]
pub fn holds<const N: usize>(prefixes: &LpmTrie<[u8; 16], u8, N>, address: Address) -> bool {
    let mut key = MaybeUninit::<[u32; KEY_WORDS]>::uninit();
    let words = [
        128,
        ((address.high >> 32) as u32).to_be(),
        (address.high as u32).to_be(),
        ((address.low >> 32) as u32).to_be(),
        (address.low as u32).to_be(),
    ];
    let place = key.as_mut_ptr().cast::<u32>();
    let mut word = 0;
    while word < KEY_WORDS {
        // SAFETY: within the key. Volatile, word by word: the stack knows no wider store on this boundary.
        unsafe { write_volatile(place.add(word), words[word]) }
        word += 1;
    }
    // SAFETY: all five words are written, and they are the layout of a key: its length in bits, then 16 octets in
    // network order.
    prefixes
        .get(unsafe { &*key.as_ptr().cast::<Key<[u8; 16]>>() })
        .is_some()
}

/// A key of a list of prefixes as words.
const KEY_WORDS: usize = size_of::<Key<[u8; 16]>>() / size_of::<u32>();
