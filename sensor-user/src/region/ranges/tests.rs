use std::collections::BTreeMap;

use super::*;

/// A small generator of test numbers (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }
}

/// Checks a compiled table against a map of starts, at each start, beside it, and at random addresses.
fn agrees<N: Number>(starts: &BTreeMap<N, Value>, random: impl Iterator<Item = N>) {
    let mut builder = Builder::new(0);
    let mut edges = starts.iter().peekable();
    while let Some((&start, &value)) = edges.next() {
        let last = edges.peek().and_then(|(next, _)| next.predecessor());
        let Some(last) = last else { break };
        builder.push(start, last, value).unwrap();
    }
    let end = *starts.last_key_value().unwrap().0;
    let (_, cover) = builder.finish();
    let table = Ranges::compile(cover);
    let expected = |address: N| {
        if address >= end {
            return 0;
        }
        starts
            .range(..=address)
            .next_back()
            .map_or(0, |(_, value)| *value)
    };
    let beside = starts
        .keys()
        .flat_map(|start| [start.predecessor(), Some(*start), start.successor()])
        .flatten();
    for address in beside.chain(random) {
        assert_eq!(table.get(address), expected(address), "{address:?}");
    }
}

#[test]
fn a_table_of_random_ranges_gives_what_a_sorted_map_gives() {
    let mut numbers = Numbers(1);
    for count in [2, 5, 100, 20_000] {
        let starts = (0..count)
            .map(|_| ((numbers.next() >> 32) as u32, (numbers.next() % 700) as u32))
            .collect();
        let random: Vec<_> = (0..50_000).map(|_| (numbers.next() >> 32) as u32).collect();
        agrees(&starts, random.into_iter());
    }
}

#[test]
fn crowded_ranges_deeper_than_the_index_are_still_told_apart() {
    let mut numbers = Numbers(2);
    // All starts share 90 bits: the index sees 64.
    let crowd = 0x2001_0db8_0000_0000_0000_0000_0000_0000_u128;
    let mut starts: BTreeMap<u128, Value> = (0..5_000)
        .map(|place| (crowd | u128::from(numbers.next() >> 26), place))
        .collect();
    // Clusters at every depth, so that nodes of all widths and the last depth occur.
    for depth in (0..120_u32).step_by(3) {
        let cluster = u128::MAX >> depth;
        for place in 0..20_u32 {
            starts.insert(cluster ^ u128::from(place) << (121 - depth), depth * 20 + place);
        }
    }
    let random: Vec<_> = (0..100_000_u32)
        .map(|_| {
            let shift = numbers.next() % 128;
            let wide = u128::from(numbers.next()) << 64 | u128::from(numbers.next());
            if shift.is_multiple_of(2) {
                crowd | wide >> shift
            } else {
                u128::MAX >> (shift / 2) ^ wide >> shift
            }
        })
        .collect();
    agrees(&starts, random.into_iter());
}

#[test]
fn the_first_and_the_last_address_belong_to_ranges_like_any_other() {
    for ranges in [
        vec![(0, u32::MAX)],
        vec![(0, 0), (1, u32::MAX - 1), (u32::MAX, u32::MAX)],
    ] {
        let mut builder = Builder::new(9);
        for ((first, last), place) in ranges.iter().zip(0..) {
            builder.push(*first, *last, place).unwrap();
        }
        let table = Ranges::compile(builder.finish().1);
        for ((first, last), place) in ranges.iter().zip(0..) {
            assert_eq!(table.get(*first), place);
            assert_eq!(table.get(*last), place);
        }
    }
}

#[test]
fn without_ranges_every_address_is_in_the_gap() {
    let table = Ranges::compile(Builder::<u128>::new(7).finish().1);
    for address in [0, 1, 1 << 64, u128::MAX] {
        assert_eq!(table.get(address), 7);
    }
}

#[test]
fn misplaced_ranges_are_refused() {
    let mut builder = Builder::<u32>::new(0);
    builder.push(10, 20, 1).unwrap();
    assert_eq!(builder.push(31, 30, 1), Err(Misplaced::Backwards));
    for (first, last) in [(20, 25), (10, 20), (0, 5), (0, 100), (15, 16)] {
        assert_eq!(builder.push(first, last, 1), Err(Misplaced::Overlap), "{first}");
    }
    builder.push(21, u32::MAX, 2).unwrap();
    assert_eq!(builder.push(u32::MAX, u32::MAX, 1), Err(Misplaced::Overlap));
    assert_eq!(builder.finish().0, 2);
}

/// [`MAX_STARTS`] as a number of the kind that values are.
const MOST: Value = 1 << 22;

#[test]
fn too_many_ranges_are_refused_before_the_memory_is_gone() {
    assert_eq!(MOST as usize, MAX_STARTS);
    let mut builder = Builder::<u32>::new(0);
    let refused = (0..=MOST).find(|number| builder.push(*number, *number, number & 1).is_err());
    assert_eq!(refused, Some(MOST - 1));
}

#[test]
fn the_most_ranges_that_are_accepted_can_be_looked_up() {
    let address = |number: u32| 0x2000 << 112 | u128::from(number) << 60;
    let mut builder = Builder::<u128>::new(0);
    for number in 0..MOST - 2 {
        builder
            .push(address(number), address(number + 1) - 1, number)
            .unwrap();
    }
    let table = Ranges::compile(builder.finish().1);
    for number in (0..MOST - 2).step_by(1_009) {
        assert_eq!(table.get(address(number)), number);
        assert_eq!(table.get(address(number + 1) - 1), number);
    }
    assert!(
        table.bytes() < MAX_STARTS * (20 + 48) + (1 << 20),
        "{}",
        table.bytes()
    );
}

#[test]
fn an_overlay_changes_the_covered_addresses_alone() {
    let cover = |ranges: &[(u32, u32, Value)]| {
        let mut builder = Builder::new(0);
        for (first, last, value) in ranges {
            builder.push(*first, *last, *value).unwrap();
        }
        builder.finish().1
    };
    let below = cover(&[(10, 19, 1), (20, 29, 2), (40, 49, 1), (70, 79, 1)]);
    let above = cover(&[(15, 24, 9), (30, 39, 9), (49, 60, 9), (70, 79, 9)]);
    let merged = below.overlaid(&above, |below, above| if above == 9 { 9 } else { below });
    assert!(merged.starts.is_sorted_by(|before, after| before < after));
    let merged = Ranges::compile(merged);
    for address in 0..100 {
        let expected = match address {
            15..=24 | 30..=39 | 49..=60 | 70..=79 => 9,
            10..=14 | 40..=48 => 1,
            25..=29 => 2,
            _ => 0,
        };
        assert_eq!(merged.get(address), expected, "{address}");
    }
}
