//! The table of cases, one frame at a time: the verdict, and exactly which counters moved.

use sensor_common::{Outcome, Verdict, counters::icmp_slot, record::FlowKind};
use sensor_lab::cases::{self, Case, Flow};
use teiten::{kernel::trial::EntryPoint, pipeline::totals::KernelTotals};

use crate::bench::Bench;

pub fn plain() {
    every_case(EntryPoint::Plain, Verdict::Pass);
}

pub fn frags() {
    every_case(EntryPoint::Frags, Verdict::Pass);
}

pub fn drop() {
    every_case(EntryPoint::Plain, Verdict::Drop);
}

fn every_case(entry: EntryPoint, observed: Verdict) {
    let cases: Vec<Case> = cases::all().into_iter().filter(Case::fits_test_run).collect();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let mut bench = Bench::new(entry, observed);
    let mut expected = KernelTotals::zero();
    expected.interfaces = vec![("lo".to_owned(), 0)];
    bench.flush();
    let stride = cases_between_totals();
    for (place, case) in (1..).zip(&cases) {
        let verdict = bench.run(&case.frame);
        let dropped = case.expected.outcome.is_observed() && observed == Verdict::Drop;
        let expected_verdict = if dropped { Verdict::Drop } else { Verdict::Pass };
        assert_eq!(verdict, expected_verdict, "{}", case.name);
        add(&mut expected, case);
        if place % stride == 0 || place == cases.len() {
            let since = place - (place - 1) % stride;
            assert!(
                bench.totals() == expected,
                "other counters than the expected ones moved, from `{}` to `{}`",
                cases[since - 1].name,
                case.name
            );
        }
        let (records, markers) = bench.flush();
        assert_eq!(
            markers.len(),
            teiten::kernel::counters::possible_cpus().unwrap() as usize
        );
        let flows: Vec<_> = records
            .iter()
            .map(|record| (record.key, record.packets))
            .collect();
        let expected_flows: Vec<_> = case.expected.flow.iter().map(|flow| (flow.key(), 1)).collect();
        assert_eq!(flows, expected_flows, "{}", case.name);
    }
}

/// The totals are compared after so many cases, the flow after each: reading all counters takes some twenty milliseconds, and
/// on emulated machines, or kernels that read maps entry by entry, a second.
fn cases_between_totals() -> usize {
    std::env::var("TEITEN_CASES_BETWEEN_TOTALS").map_or(8, |text| text.parse().unwrap())
}

/// What the case moves, from its hand-written expectation alone.
fn add(totals: &mut KernelTotals, case: &Case) {
    let expected = &case.expected;
    totals.outcomes[expected.outcome as usize] += 1;
    totals.interfaces[0].1 += 1;
    if let Some((port, moved)) = expected.port {
        let counters = &mut totals.ports[usize::from(port)];
        counters.tcp += moved.tcp;
        counters.syn += moved.syn;
        counters.mirai += moved.mirai;
        counters.udp += moved.udp;
    }
    let Some(Flow {
        kind:
            FlowKind {
                class,
                protocol,
                port,
                family,
                ..
            },
        ..
    }) = expected.flow
    else {
        return;
    };
    totals.classes[class as usize - 1] += 1;
    match expected.outcome {
        Outcome::ObservedOther | Outcome::ObservedFragment => totals.protocols[usize::from(protocol)] += 1,
        Outcome::ObservedIcmp | Outcome::ObservedIcmpv6 => {
            let [kind, _] = port.to_be_bytes();
            totals.icmp_types[icmp_slot(kind, family) as usize] += 1;
        }
        _ => {}
    }
}
