//! The same bytes through the compiled program and through the host's classifier: the same outcomes, flows and marks.

use std::collections::BTreeMap;

use fastrand::Rng;
use sensor_common::{
    Verdict,
    classify::classify_ethernet,
    record::{FlowKey, FlowKind},
};
use sensor_lab::{
    cases::{self, Case},
    mutate::{LONGEST_BYTES, random_mutation},
};
use teiten::{kernel::trial::EntryPoint, pipeline::totals::KernelTotals};

use crate::bench::{Bench, watch};

/// Frames between two comparisons.
const BATCH: u64 = 20_000;
/// Frames of the fast tier; `TEITEN_DIFFERENTIAL_FRAMES` asks for another number.
const FRAMES: u64 = 400_000;

/// Packets and bytes by flow, and by the signature of its scan where it has one, else 0.
type Flows = BTreeMap<(FlowKey, u32), (u64, u64)>;

pub fn mutated() {
    let frames = std::env::var("TEITEN_DIFFERENTIAL_FRAMES").map_or(FRAMES, |text| text.parse().unwrap());
    let seed = std::env::var("TEITEN_SEED").map_or(1, |text| text.parse().unwrap());
    let mut differential = Differential::new(seed);
    let mut done = 0;
    while done < frames {
        differential.batch();
        done += BATCH;
        if done % (100 * BATCH) == 0 {
            eprintln!("{done} frames, no difference");
        }
    }
    let observed = differential.host.observed();
    assert!(
        observed * 10 > done && observed * 10 < done * 9,
        "{observed} of {done} observed: the frames say little about one side"
    );
}

struct Differential {
    bench: Bench,
    cases: Vec<Case>,
    rng: Rng,
    host: KernelTotals,
    watch: teiten::kernel::WatchList,
    frame: Vec<u8>,
}

impl Differential {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::new(EntryPoint::Plain, Verdict::Pass);
        bench.flush();
        let mut host = KernelTotals::zero();
        host.interfaces = vec![("lo".to_owned(), 0)];
        Self {
            bench,
            cases: cases::all().into_iter().filter(Case::fits_test_run).collect(),
            rng: Rng::with_seed(seed),
            host,
            watch: watch(),
            frame: Vec::with_capacity(LONGEST_BYTES),
        }
    }

    fn batch(&mut self) {
        let start = self.rng.clone();
        let mut expected = Flows::new();
        for _ in 0..BATCH {
            self.frame();
            self.bench.run(&self.frame);
            let result = classify_ethernet(self.frame.as_slice(), &self.watch);
            self.host.count(result.as_ref().map_err(|outcome| *outcome));
            self.host.interfaces[0].1 += 1;
            if let Ok(observation) = result {
                let flow = expected
                    .entry((observation.flow_key(), observation.signature))
                    .or_default();
                flow.0 += 1;
                flow.1 += u64::from(observation.length);
            }
        }
        let flows = self.flows();
        let totals = self.bench.totals();
        if flows != expected || without_losses(&totals) != without_losses(&self.host) {
            self.find(start);
        }
    }

    fn frame(&mut self) {
        loop {
            let case = &self.cases[self.rng.usize(..self.cases.len())];
            random_mutation(&mut self.rng, case, &mut self.frame);
            // The kernel takes no shorter frame for a test run.
            if self.frame.len() >= cases::SHORTEST_TEST_RUN_BYTES {
                return;
            }
        }
    }

    fn flows(&mut self) -> Flows {
        let mut flows = Flows::new();
        for record in self.bench.flush().0 {
            let tools = FlowKind::unpack(record.key.kind).unwrap().tools;
            let signature = if tools.is_signed() { record.peer_ports } else { 0 };
            let flow = flows.entry((record.key, signature)).or_default();
            flow.0 += u64::from(record.packets);
            flow.1 += u64::from(record.bytes);
        }
        flows
    }

    /// Goes through a batch again, frame by frame, and names the first that the two sides read differently.
    fn find(&mut self, start: Rng) -> ! {
        self.rng = start;
        let mut before = self.bench.totals();
        for _ in 0..BATCH {
            self.frame();
            self.bench.run(&self.frame);
            let result = classify_ethernet(self.frame.as_slice(), &self.watch);
            before.count(result.as_ref().map_err(|outcome| *outcome));
            before.interfaces[0].1 += 1;
            let expected: Vec<_> = result
                .iter()
                .map(|observation| {
                    let flow = (observation.flow_key(), observation.signature);
                    (flow, (1, u64::from(observation.length)))
                })
                .collect();
            let flows: Vec<_> = self.flows().into_iter().collect();
            let totals = self.bench.totals();
            assert!(
                without_losses(&totals) == without_losses(&before) && flows == expected,
                "read differently: {:02x?}\nhost: {result:?}\nkernel flows: {flows:?}",
                self.frame
            );
            before = totals;
        }
        panic!("a batch differs, but no frame of it does");
    }
}

fn without_losses(totals: &KernelTotals) -> KernelTotals {
    KernelTotals {
        losses: teiten::pipeline::totals::LossTotals::default(),
        ..totals.clone()
    }
}
