//! What the kernel really does: the compiled program, run on real kernels, compared with known truth.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;
mod differential;
mod object;
mod table;

use libtest_mimic::{Arguments, Trial};
use teiten::kernel::sys;

fn main() {
    let arguments = Arguments::from_args();
    let tests: [(&str, fn()); 7] = [
        ("every_case_moves_exactly_its_counters_plain", table::plain),
        ("every_case_moves_exactly_its_counters_frags", table::frags),
        ("every_case_is_dropped_only_when_observed_and_asked", table::drop),
        ("mutated_frames_are_counted_as_by_the_host", differential::mutated),
        ("the_object_calls_no_memory_functions", object::no_memory_calls),
        ("the_verifier_stays_within_its_budget", object::verifier_budget),
        (
            "the_verifier_stays_within_its_budget_when_everything_is_sampled",
            object::verifier_budget_of_samples,
        ),
    ];
    let root = sys::is_root();
    if !root {
        eprintln!("skipped: these tests load programs into the kernel, which needs root");
    }
    let trials = tests
        .into_iter()
        .map(|(name, test)| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
            .with_ignored_flag(!root)
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
