//! Which keys have series of their own, so that every series is monotonic and their sum is exact.
//!
//! A key that is not listed is counted in `other`. When it becomes listed its series begins at 0, stays 0 until it
//! was scraped once, and counts from there; what came before stays in `other`. When it is dropped its series ends,
//! and what that series had counted moves nowhere: `sum(rate())` stays the rate of the whole.

use std::collections::BTreeMap;

/// A key that has been idle for fewer updates than this keeps its place: a flood over all keys must not make
/// series come and go.
pub const IDLE_UPDATES: u64 = 30;

/// The keys with series of their own. `N` counters a key.
#[derive(Clone, Debug)]
pub struct Listing<K, const N: usize> {
    capacity: usize,
    entries: BTreeMap<K, Entry<N>>,
    /// What ended series had counted.
    retired: [u64; N],
    updates: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry<const N: usize> {
    /// The totals at which the series begins.
    base: [u64; N],
    /// The totals at the last update.
    total: [u64; N],
    /// Scrapes that there had been when it was listed; it counts once there is one more.
    listed_at_scrape: u64,
    counting: bool,
    /// The update at which the total last grew.
    active: u64,
    /// Configured: never dropped.
    permanent: bool,
}

/// Series as they are kept for a later process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<K, const N: usize> {
    /// Each key, the totals at which its series begins, and whether it counts yet.
    pub series: Vec<(K, [u64; N], bool)>,
    /// What ended series had counted.
    pub retired: [u64; N],
}

impl<K: Copy + Ord, const N: usize> Listing<K, N> {
    /// A listing of at most `capacity` keys; `permanent` ones are always there.
    #[must_use]
    pub fn new(capacity: usize, permanent: impl IntoIterator<Item = K>) -> Self {
        let entry = Entry {
            base: [0; N],
            total: [0; N],
            listed_at_scrape: 0,
            // From the first moment on, so nothing came before that would belong to `other`.
            counting: true,
            active: 0,
            permanent: true,
        };
        Self {
            capacity,
            entries: permanent
                .into_iter()
                .take(capacity)
                .map(|key| (key, entry))
                .collect(),
            retired: [0; N],
            updates: 0,
        }
    }

    /// Lists keys that were listed before a restart. All totals begin at 0 then, and so do the series, from the first
    /// moment on.
    pub fn restore(&mut self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            if self.entries.len() >= self.capacity {
                return;
            }
            self.entries.entry(key).or_insert(Entry {
                base: [0; N],
                total: [0; N],
                listed_at_scrape: 0,
                counting: true,
                active: 0,
                permanent: false,
            });
        }
    }

    /// What a later process needs to go on with these series where the totals go on as well.
    #[must_use]
    pub fn kept(&self) -> Kept<K, N> {
        Kept {
            series: self
                .entries
                .iter()
                .map(|(key, entry)| (*key, entry.base, entry.counting))
                .collect(),
            retired: self.retired,
        }
    }

    /// Goes on with series of an earlier process. The totals must go on as well.
    pub fn resume(&mut self, kept: &Kept<K, N>) {
        self.retired = kept.retired;
        for (key, base, counting) in &kept.series {
            let permanent = self.entries.get(key).is_some_and(|entry| entry.permanent);
            if self.entries.len() >= self.capacity && !self.entries.contains_key(key) {
                continue;
            }
            self.entries.insert(
                *key,
                Entry {
                    base: *base,
                    total: *base,
                    listed_at_scrape: 0,
                    counting: *counting,
                    active: 0,
                    permanent,
                },
            );
        }
    }

    /// Lets every series, and `other`, begin at 0 here, where the totals do not: what `all` of them came to before was
    /// shown by an earlier process of which nothing is known.
    pub fn begin_here(&mut self, all: [u64; N]) {
        for entry in self.entries.values_mut() {
            entry.base = entry.total;
            entry.counting = true;
        }
        self.retired = all;
    }

    /// The listed keys.
    pub fn keys(&self) -> impl Iterator<Item = K> + '_ {
        self.entries.keys().copied()
    }

    /// Takes the totals of this moment: `total` gives a key's, `ranked` are the keys that rank now, best first, and
    /// `scrapes` is how many scrapes there have been.
    pub fn update(&mut self, total: impl Fn(K) -> [u64; N], ranked: &[K], scrapes: u64) {
        self.updates += 1;
        for (key, entry) in &mut self.entries {
            let now = total(*key);
            if now != entry.total {
                entry.active = self.updates;
            }
            if !entry.counting && scrapes > entry.listed_at_scrape {
                // The base is the total that stood when 0 was scraped, so nothing is counted twice or left out.
                entry.counting = true;
            }
            if !entry.counting {
                entry.base = now;
            }
            entry.total = now;
        }
        for key in ranked {
            self.list(*key, total(*key), scrapes);
        }
    }

    fn list(&mut self, key: K, now: [u64; N], scrapes: u64) {
        if self.entries.contains_key(&key) {
            return;
        }
        if self.entries.len() >= self.capacity && !self.drop_idle() {
            return;
        }
        self.entries.insert(
            key,
            Entry {
                base: now,
                total: now,
                listed_at_scrape: scrapes,
                counting: false,
                active: self.updates,
                permanent: false,
            },
        );
    }

    /// Ends the series that has been idle for longest; says whether there was one.
    fn drop_idle(&mut self) -> bool {
        let idle = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.permanent && self.updates - entry.active >= IDLE_UPDATES)
            .min_by_key(|(_, entry)| entry.active)
            .map(|(key, _)| *key);
        let Some(entry) = idle.and_then(|key| self.entries.remove(&key)) else {
            return false;
        };
        for ((retired, total), base) in self.retired.iter_mut().zip(entry.total).zip(entry.base) {
            *retired += total - base;
        }
        true
    }

    /// The series as of the last update.
    pub fn rows(&self) -> impl Iterator<Item = (K, [u64; N])> + '_ {
        self.entries
            .iter()
            .map(|(key, entry)| (*key, std::array::from_fn(|n| entry.total[n] - entry.base[n])))
    }

    /// The series `other`, where `all` are the totals over every key at the last update.
    #[must_use]
    pub fn other(&self, all: [u64; N]) -> [u64; N] {
        let mut other = all;
        for (_, row) in self.rows() {
            for (other, value) in other.iter_mut().zip(row) {
                *other -= value;
            }
        }
        for (other, retired) in other.iter_mut().zip(self.retired) {
            *other -= retired;
        }
        other
    }

    /// How many keys are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no key is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator, so that a failing history can be had again by its seed.
    fn next(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    /// The series, `other`, and the whole at one update.
    type Moment = (BTreeMap<usize, [u64; 2]>, [u64; 2], [u64; 2]);

    #[test]
    fn every_series_is_monotonic_and_their_growth_is_that_of_the_whole() {
        for seed in 1..=200 {
            let mut state = seed;
            let mut totals = [[0_u64; 2]; 40];
            let mut listing: Listing<usize, 2> = Listing::new(6, [3]);
            let mut scrapes = 0;
            let mut before: Option<Moment> = None;
            for _ in 0..300 {
                for _ in 0..next(&mut state) % 8 {
                    let key = usize::try_from(next(&mut state) % 40).unwrap();
                    totals[key][0] += next(&mut state) % 100;
                    totals[key][1] += next(&mut state) % 3;
                }
                let ranked: Vec<usize> = (0..next(&mut state) % 3)
                    .map(|_| usize::try_from(next(&mut state) % 40).unwrap())
                    .collect();
                scrapes += next(&mut state) % 2;
                listing.update(|key| totals[key], &ranked, scrapes);
                assert!(listing.len() <= 6);
                let all = totals
                    .iter()
                    .fold([0, 0], |sum, total| [sum[0] + total[0], sum[1] + total[1]]);
                let rows: BTreeMap<_, _> = listing.rows().collect();
                let other = listing.other(all);
                let restart = next(&mut state).is_multiple_of(40);
                if let Some((rows_before, other_before, all_before)) = before {
                    for n in 0..2 {
                        assert!(other[n] >= other_before[n], "seed {seed}: other fell");
                        let mut growth = other[n] - other_before[n];
                        for (key, row) in &rows {
                            let was = rows_before.get(key).map_or(0, |row| row[n]);
                            assert!(row[n] >= was, "seed {seed}: {key} fell");
                            growth += row[n] - was;
                        }
                        assert_eq!(
                            growth,
                            all[n] - all_before[n],
                            "seed {seed}: the sum is not the whole"
                        );
                    }
                }
                before = Some((rows, other, all));
                if restart {
                    // A new process: every total and every series begins at 0, and the same keys are listed.
                    let keys: Vec<usize> = listing.keys().collect();
                    totals = [[0; 2]; 40];
                    scrapes = 0;
                    listing = Listing::new(6, [3]);
                    listing.restore(keys.iter().copied());
                    assert_eq!(listing.keys().collect::<Vec<_>>(), keys, "seed {seed}");
                    before = Some((
                        keys.into_iter().map(|key| (key, [0; 2])).collect(),
                        [0; 2],
                        [0; 2],
                    ));
                }
            }
        }
    }

    #[test]
    fn a_new_series_is_scraped_at_zero_before_it_counts() {
        let mut listing: Listing<u16, 1> = Listing::new(4, []);
        listing.update(|_| [100], &[23], 7);
        listing.update(|_| [150], &[23], 7);
        assert_eq!(listing.rows().collect::<Vec<_>>(), [(23, [0])], "not scraped yet");
        listing.update(|_| [180], &[23], 8);
        assert_eq!(
            listing.rows().collect::<Vec<_>>(),
            [(23, [30])],
            "counts from what was scraped"
        );
        assert_eq!(listing.other([180]), [150]);
    }

    #[test]
    fn series_that_are_resumed_go_on_and_so_does_the_rest() {
        let mut first: Listing<u16, 1> = Listing::new(4, [1]);
        first.update(|key| [u64::from(key) * 10], &[2], 0);
        first.update(|key| [u64::from(key) * 20], &[], 1);
        assert_eq!(first.rows().collect::<Vec<_>>(), [(1, [20]), (2, [20])]);
        assert_eq!(first.other([100]), [60]);
        let mut second: Listing<u16, 1> = Listing::new(4, [1]);
        second.resume(&first.kept());
        second.update(|key| [u64::from(key) * 25], &[], 0);
        assert_eq!(second.rows().collect::<Vec<_>>(), [(1, [25]), (2, [30])]);
        // 15 more in all than the rows gained.
        assert_eq!(second.other([130]), [75]);
    }

    #[test]
    fn series_that_begin_here_leave_what_was_before_to_nobody() {
        let mut listing: Listing<u16, 1> = Listing::new(4, [1]);
        listing.update(|_| [70], &[2], 0);
        listing.begin_here([500]);
        assert_eq!(listing.rows().collect::<Vec<_>>(), [(1, [0]), (2, [0])]);
        assert_eq!(listing.other([500]), [0]);
        listing.update(|_| [75], &[], 0);
        assert_eq!(listing.rows().collect::<Vec<_>>(), [(1, [5]), (2, [5])]);
        assert_eq!(listing.other([520]), [10]);
    }

    #[test]
    fn a_full_listing_drops_only_what_is_idle() {
        let mut listing: Listing<u16, 1> = Listing::new(2, [1]);
        listing.update(|_| [5], &[2], 0);
        listing.update(|_| [6], &[3], 1);
        assert_eq!(
            listing.rows().map(|(key, _)| key).collect::<Vec<_>>(),
            [1, 2],
            "2 is not idle yet"
        );
        for _ in 0..IDLE_UPDATES {
            listing.update(|_| [6], &[], 2);
        }
        listing.update(|_| [6], &[3], 3);
        assert_eq!(listing.rows().map(|(key, _)| key).collect::<Vec<_>>(), [1, 3]);
    }
}
