//! The unique sources of ten minutes.

use sensor_sketch::{Coupon, Distinct, OpenSet, SourceHash};

use super::dimension::Layout;

/// Seconds of a window.
pub const WINDOW: i64 = 600;

/// Octets that the sketches of pairs of port and region may have in one window: 256 of many sources, or all of them
/// with few.
pub const PAIR_OCTETS: usize = 4 << 20;

/// The sketches of ten minutes.
#[derive(Debug)]
pub struct Window {
    /// When it begins, in seconds since 1970 (UTC).
    pub start: i64,
    /// Few of all places are taken, so each sketch lies apart.
    counts: Vec<Option<Box<Distinct>>>,
    /// Pairs without a sketch for want of room, from the first pair on.
    refused: Vec<bool>,
    first_pair: usize,
    pair_octets: usize,
    /// Sources of SYN to ports of the Internet of Things.
    pub iot_syn: OpenSet,
    /// Sources with the Mirai mark or the sure mark of another tool.
    pub marked: OpenSet,
}

impl Window {
    /// A window without sources.
    pub fn new(start: i64, layout: &Layout) -> Self {
        Self {
            start,
            counts: vec![None; layout.len()],
            refused: vec![false; layout.len() - layout.first_pair()],
            first_pair: layout.first_pair(),
            pair_octets: 0,
            iot_syn: OpenSet::default(),
            marked: OpenSet::default(),
        }
    }

    /// The count at a place, where there is any.
    pub fn count(&self, place: usize) -> Option<&Distinct> {
        self.counts[place].as_deref()
    }

    /// Whether the sources at this place are not known for want of room.
    pub fn was_refused(&self, place: usize) -> bool {
        let pair = place.checked_sub(self.first_pair);
        pair.is_some_and(|pair| self.refused[pair])
    }

    /// Octets of all sketches.
    pub fn octets(&self) -> usize {
        let sets = self.iot_syn.octets() + self.marked.octets();
        sets + self
            .counts
            .iter()
            .flatten()
            .map(|count| count.octets())
            .sum::<usize>()
    }

    /// Counts a source at a place of its own.
    #[inline]
    pub fn insert(&mut self, place: usize, source: Coupon) {
        self.counts[place].get_or_insert_default().insert(source);
    }

    /// Counts a source at the place of a pair, as far as there is room. Where a pair outgrows it, nothing is kept of
    /// it: a count that missed some would be taken for one.
    #[inline]
    pub fn insert_pair(&mut self, place: usize, source: Coupon) {
        let grown = match &mut self.counts[place] {
            Some(count) => count.insert(source),
            None if self.refused[place - self.first_pair] => return,
            none => {
                let count = none.insert(Box::default());
                count.insert(source);
                count.octets()
            }
        };
        if grown == 0 {
            return;
        }
        self.pair_octets += grown;
        if self.pair_octets > PAIR_OCTETS {
            self.refuse(place);
        }
    }

    #[cold]
    fn refuse(&mut self, place: usize) {
        if let Some(count) = self.counts[place].take() {
            self.pair_octets -= count.octets();
        }
        self.refused[place - self.first_pair] = true;
    }

    /// Puts a source into the sets that it belongs to.
    #[inline]
    pub fn insert_sets(&mut self, source: SourceHash, iot_syn: bool, marked: bool) {
        if iot_syn {
            self.iot_syn.insert(source);
        }
        if marked {
            self.marked.insert(source);
        }
    }
}
