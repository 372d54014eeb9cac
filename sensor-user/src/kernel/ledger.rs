//! The ledger: what was accounted of the detail so far, kept in a map that outlives the daemon.
//!
//! Its memory has two sections, each with one writer and two copies. A writer fills the copy that is not in force and
//! then names it with one store: whenever the daemon dies, one whole copy is in force. The drain writes its section
//! before it gives space in the ring back, so what the next daemon finds behind the ring's consumer position is
//! either in the books or still in the ring, and never both.

use std::{
    os::fd::AsFd as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::{Array, MapData, MapType};
use sensor_common::counters::INTERFACE_SLOTS;

use super::{KernelError, sys::objects::SharedWords};
use crate::pipeline::ledger::{Amount, Books};

/// The name of its pin.
pub(super) const NAME: &str = "LEDGER";
/// Says that the words are laid out as below.
const MAGIC: u64 = 0x7465_6974_656e_0001;
/// `BPF_F_MMAPABLE` of `enum` in `linux/bpf.h`; Linux 5.5.
const MMAPABLE: u32 = 1 << 10;

/// Single words.
const AT_MAGIC: usize = 0;
const AT_CPUS: usize = 1;
const AT_EPOCH: usize = 2;
const AT_BEGAN: usize = 3;
const AT_DRAIN_COPY: usize = 4;
const AT_BOOKS_COPY: usize = 5;
const AT_RUNNING: usize = 6;
const AT_CLOCK: usize = 7;
/// Two copies of the books.
const BOOKS: usize = 16;
const BOOKS_WORDS: usize = 8;
/// The names of interfaces by their slot, two words each.
const NAMES: usize = BOOKS + 2 * BOOKS_WORDS;
const NAME_WORDS: usize = 2;
/// Two copies of what was read of each CPU, behind the position in the ring.
const DRAIN: usize = NAMES + INTERFACE_SLOTS * NAME_WORDS;

/// What was read of the ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Up to where, in bytes since the ring was made.
    pub position: u64,
    /// How much, by CPU.
    pub cpus: Vec<Amount>,
}

/// The ledger. Each section is for one thread to write; anybody may read.
#[derive(Debug)]
pub struct Ledger {
    memory: Memory,
    cpus: usize,
}

#[derive(Debug)]
enum Memory {
    /// Outlives the process.
    Shared(SharedWords),
    /// Does not, as nothing that is not pinned does.
    Own(Box<[AtomicU64]>),
}

const fn drain_words(cpus: usize) -> usize {
    1 + 2 * cpus
}

const fn words(cpus: usize) -> usize {
    DRAIN + 2 * drain_words(cpus)
}

impl Ledger {
    /// A ledger that ends with the process.
    #[must_use]
    pub fn private(cpus: u32, began: i64) -> Self {
        let cpus = cpus as usize;
        let ledger = Self {
            memory: Memory::Own((0..words(cpus)).map(|_| AtomicU64::new(0)).collect()),
            cpus,
        };
        ledger.begin(0, began);
        ledger
    }

    /// Makes a ledger and pins it. `epoch` tells it from every other, `began` is now, in seconds since 1970.
    ///
    /// # Errors
    /// The kernel refuses the map or the pin.
    pub(super) fn create(path: &Path, cpus: u32, epoch: u64, began: i64) -> Result<Self, KernelError> {
        let entries = u32::try_from(words(cpus as usize)).unwrap_or(u32::MAX);
        let map = Array::<MapData, u64>::create(entries, MMAPABLE).map_err(KernelError::map(NAME))?;
        map.pin(path).map_err(|source| KernelError::Pin {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let ledger = Self::share(path, cpus)?;
        ledger.begin(epoch, began);
        Ok(ledger)
    }

    /// Opens the ledger that is pinned there.
    ///
    /// # Errors
    /// It is none, or one of another layout.
    pub(super) fn open(path: &Path, cpus: u32) -> Result<Self, KernelError> {
        let ledger = Self::share(path, cpus)?;
        if ledger.get(AT_MAGIC) != MAGIC || ledger.get(AT_CPUS) != u64::from(cpus) {
            return Err(damaged(path, "its first words are not those of a ledger"));
        }
        Ok(ledger)
    }

    fn share(path: &Path, cpus: u32) -> Result<Self, KernelError> {
        let map = MapData::from_pin(path).map_err(KernelError::map(NAME))?;
        let info = map.info().map_err(KernelError::map(NAME))?;
        let cpus = cpus as usize;
        let expected = words(cpus);
        if info.map_type().ok() != Some(MapType::Array)
            || info.value_size() as usize != size_of::<u64>()
            || info.max_entries() as usize != expected
            || info.map_flags() & MMAPABLE == 0
        {
            return Err(damaged(path, "it is another kind of map"));
        }
        let memory = SharedWords::new(map.fd().as_fd(), expected)
            .map_err(|source| KernelError::MapRead { name: NAME, source })?;
        Ok(Self {
            memory: Memory::Shared(memory),
            cpus,
        })
    }

    fn begin(&self, epoch: u64, began: i64) {
        self.set(AT_CPUS, self.cpus as u64);
        self.set(AT_EPOCH, epoch);
        self.set(AT_BEGAN, began.cast_unsigned());
        self.set(AT_MAGIC, MAGIC);
    }

    fn words(&self) -> &[AtomicU64] {
        match &self.memory {
            Memory::Shared(shared) => shared.words(),
            Memory::Own(own) => own,
        }
    }

    fn get(&self, at: usize) -> u64 {
        self.words()[at].load(Ordering::Acquire)
    }

    fn set(&self, at: usize, value: u64) {
        self.words()[at].store(value, Ordering::Release);
    }

    /// Tells this ledger from every other; 0 for one that is not pinned.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.get(AT_EPOCH)
    }

    /// When it was begun, and with it all kernel totals: seconds since 1970.
    #[must_use]
    pub fn began(&self) -> i64 {
        self.get(AT_BEGAN).cast_signed()
    }

    /// What was read of the ring.
    #[must_use]
    pub fn drained(&self) -> Drained {
        let copy = self.drain_copy(self.get(AT_DRAIN_COPY));
        let cpus = (0..self.cpus).map(|cpu| Amount {
            packets: self.get(copy + 1 + 2 * cpu),
            records: self.get(copy + 2 + 2 * cpu),
        });
        Drained {
            position: self.get(copy),
            cpus: cpus.collect(),
        }
    }

    fn drain_copy(&self, copy: u64) -> usize {
        DRAIN + usize::from(copy & 1 == 1) * drain_words(self.cpus)
    }

    /// Enters what was read of the ring up to `position`; a CPU that is not named had nothing. For the drain alone.
    pub fn set_drained(&self, position: u64, cpus: impl IntoIterator<Item = (u32, Amount)>) {
        let next = (self.get(AT_DRAIN_COPY) & 1) ^ 1;
        let copy = self.drain_copy(next);
        self.set(copy, position);
        for (cpu, amount) in cpus {
            // A CPU beyond what is possible has no place, and no record.
            if (cpu as usize) < self.cpus {
                self.set(copy + 1 + 2 * cpu as usize, amount.packets);
                self.set(copy + 2 + 2 * cpu as usize, amount.records);
            }
        }
        self.set(AT_DRAIN_COPY, next);
    }

    /// What became of it.
    #[must_use]
    pub fn books(&self) -> Books {
        let copy = books_copy(self.get(AT_BOOKS_COPY));
        let amount = |at: usize| Amount {
            packets: self.get(copy + at),
            records: self.get(copy + at + 1),
        };
        Books {
            derived: amount(0),
            lost_queue: amount(2),
            lost_crash: amount(4),
            crashes: self.get(copy + 6),
            clock_steps: self.get(copy + 7),
        }
    }

    /// Enters what became of it. For the tick alone.
    pub fn set_books(&self, books: &Books) {
        let next = (self.get(AT_BOOKS_COPY) & 1) ^ 1;
        let copy = books_copy(next);
        let values = [
            books.derived.packets,
            books.derived.records,
            books.lost_queue.packets,
            books.lost_queue.records,
            books.lost_crash.packets,
            books.lost_crash.records,
            books.crashes,
            books.clock_steps,
        ];
        for (place, value) in values.into_iter().enumerate() {
            self.set(copy + place, value);
        }
        self.set(AT_BOOKS_COPY, next);
    }

    /// Notes that a daemon works with it from now on; says whether the last one ended without [`Self::end_run`].
    #[must_use]
    pub fn begin_run(&self) -> bool {
        self.words()[AT_RUNNING].swap(1, Ordering::AcqRel) != 0
    }

    /// Notes that the daemon has entered all that it read.
    pub fn end_run(&self) {
        self.set(AT_RUNNING, 0);
    }

    /// The time of day less the time since boot, as the last daemon saw it, in nanoseconds; `None` before the first.
    #[must_use]
    pub fn clock_offset(&self) -> Option<i64> {
        match self.get(AT_CLOCK) {
            0 => None,
            offset => Some(offset.cast_signed()),
        }
    }

    /// Enters it.
    pub fn set_clock_offset(&self, offset: i64) {
        self.set(AT_CLOCK, offset.cast_unsigned());
    }

    /// The names of the interfaces that ever counted, with their slots.
    #[must_use]
    pub fn interfaces(&self) -> Vec<(u32, String)> {
        let slots = u32::try_from(INTERFACE_SLOTS).unwrap_or(u32::MAX);
        let name = |slot: u32| {
            let at = NAMES + slot as usize * NAME_WORDS;
            let octets: Vec<u8> = (at..at + NAME_WORDS)
                .flat_map(|at| self.get(at).to_le_bytes())
                .take_while(|octet| *octet != 0)
                .collect();
            String::from_utf8_lossy(&octets).into_owned()
        };
        (0..slots)
            .map(|slot| (slot, name(slot)))
            .filter(|(_, name)| !name.is_empty())
            .collect()
    }

    /// Enters the name of the interface that counts in this slot.
    pub fn name_interface(&self, slot: u32, name: &str) {
        let at = NAMES + (slot as usize % INTERFACE_SLOTS) * NAME_WORDS;
        let mut octets = [0; NAME_WORDS * size_of::<u64>()];
        // Linux has names of at most 15 octets, so the last is 0.
        for (place, octet) in octets.iter_mut().zip(name.bytes()) {
            *place = octet;
        }
        let (values, _) = octets.as_chunks::<8>();
        for (place, value) in values.iter().enumerate() {
            self.set(at + place, u64::from_le_bytes(*value));
        }
    }
}

fn books_copy(copy: u64) -> usize {
    BOOKS + usize::from(copy & 1 == 1) * BOOKS_WORDS
}

fn damaged(path: &Path, what: &str) -> KernelError {
    KernelError::PinsDamaged {
        folder: path.parent().unwrap_or(path).to_owned(),
        what: format!("`{NAME}`: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(packets: u64, records: u64) -> Amount {
        Amount { packets, records }
    }

    #[test]
    fn sections_are_read_as_they_were_written_and_keep_off_each_other() {
        let ledger = Ledger::private(3, 1_700_000_000);
        let books = Books {
            derived: amount(1, 2),
            lost_queue: amount(3, 4),
            lost_crash: amount(5, 6),
            crashes: 7,
            clock_steps: 8,
        };
        // Twice, so that both copies of each section are in force once.
        for round in 1..=2 {
            ledger.set_drained(64 * round, [(0, amount(10 * round, round)), (2, amount(20, 2))]);
            ledger.set_books(&books);
            ledger.name_interface(0, "rx");
            ledger.name_interface(1_023, "fifteen-letters");
            assert_eq!(
                ledger.drained(),
                Drained {
                    position: 64 * round,
                    cpus: vec![amount(10 * round, round), Amount::default(), amount(20, 2)],
                }
            );
            assert_eq!(ledger.books(), books);
        }
        assert_eq!(
            ledger.interfaces(),
            [(0, "rx".to_owned()), (1_023, "fifteen-letters".to_owned())]
        );
        assert_eq!((ledger.began(), ledger.epoch()), (1_700_000_000, 0));
    }

    #[test]
    fn a_write_that_breaks_off_leaves_the_copy_before_it_in_force() {
        let ledger = Ledger::private(2, 0);
        ledger.set_drained(64, [(0, amount(1, 1)), (1, amount(2, 1))]);
        let before = ledger.drained();
        // What a death in the middle leaves: the other copy half written, and not named.
        let other = ledger.drain_copy(ledger.get(AT_DRAIN_COPY) ^ 1);
        ledger.set(other, 128);
        ledger.set(other + 1, 99);
        assert_eq!(ledger.drained(), before);
    }

    #[test]
    fn a_run_that_did_not_end_is_a_crash() {
        let ledger = Ledger::private(1, 0);
        assert!(!ledger.begin_run());
        assert!(ledger.begin_run());
        ledger.end_run();
        assert!(!ledger.begin_run());
    }
}
