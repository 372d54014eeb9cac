//! What test programs say about their tests, added up.

use std::fmt;

/// A test that did not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// The sum over all test programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// Those that failed, by name, as far as they named themselves.
    pub(crate) failures: Vec<String>,
    /// Those that were skipped, as far as they named themselves.
    pub(crate) reasons: Vec<Skipped>,
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl Totals {
    /// Adds the results of another test program.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
        self.reasons.extend(other.reasons);
    }

    /// Counts a test that did not run.
    pub(crate) fn skip(&mut self, name: String, reason: String) {
        self.skipped += 1;
        self.reasons.push(Skipped { name, reason });
    }

    /// Counts a test that failed.
    fn fail(&mut self, name: String) {
        self.failed += 1;
        self.failures.push(name);
    }
}

/// Reads the output of one test program, line by line.
pub(crate) struct Reader {
    /// Stands before the names of its tests.
    program: String,
    /// Of those test runs that ended with a summary.
    totals: Totals,
    /// Of the run that has begun and not ended: of one that dies, all that will ever be known.
    open: Option<Totals>,
}

impl Reader {
    pub(crate) fn new(program: &str) -> Self {
        Self {
            program: program.to_owned(),
            totals: Totals::default(),
            open: None,
        }
    }

    /// Takes the next line of output. Lines that are no result are none of its business.
    pub(crate) fn line(&mut self, line: &str) {
        if let Some((passed, failed, skipped)) = parse_summary(line) {
            let named = self.open.take().unwrap_or_default();
            self.totals.add(Totals {
                passed,
                failed,
                skipped,
                ..named
            });
        } else if let Some((name, end)) = parse_test(line) {
            let name = format!("{}: {name}", self.program);
            let open = self.open.get_or_insert_default();
            match end {
                End::Passed => open.passed += 1,
                End::Failed => open.fail(name),
                End::Ignored(reason) => open.skip(name, reason),
            }
        } else if is_title(line) {
            self.open.get_or_insert_default();
        }
    }

    /// The program's totals. One that ended badly without saying why counts as one failure.
    pub(crate) fn finish(mut self, succeeded: bool, how_it_ended: &str) -> Totals {
        let died = self.open.is_some();
        self.totals.add(self.open.take().unwrap_or_default());
        if died || (!succeeded && self.totals.failed == 0) {
            self.totals.fail(format!("{}: {how_it_ended}", self.program));
        }
        self.totals
    }
}

/// How a test ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    Ignored(String),
}

/// The counts of `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s`.
///
/// Benchmarks run once under a test harness and count as passed.
fn parse_summary(line: &str) -> Option<(u64, u64, u64)> {
    // A test that prints without an end of line pushes the result behind its own text.
    let (_, counts) = line.split_once("test result: ")?;
    let (_, counts) = counts.split_once(". ")?;
    let count = |what: &str| {
        counts
            .split(';')
            .find_map(|part| part.trim().strip_suffix(what)?.trim_end().parse::<u64>().ok())
    };
    Some((
        count("passed")? + count("measured").unwrap_or(0),
        count("failed")?,
        count("ignored")?,
    ))
}

/// Whether a line is `running 3 tests`.
fn is_title(line: &str) -> bool {
    let number = line
        .strip_prefix("running ")
        .and_then(|rest| rest.split_once(" test"));
    number.is_some_and(|(number, _)| number.parse::<u64>().is_ok())
}

/// The name and the end of `test NAME ... ok`, `test NAME ... FAILED` or `test NAME ... ignored, REASON`.
///
/// libtest writes the reason after a comma, libtest-mimic in brackets and with names padded to one width.
fn parse_test(line: &str) -> Option<(&str, End)> {
    let (name, end) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.trim_end();
    match end {
        "ok" => return Some((name, End::Passed)),
        "FAILED" => return Some((name, End::Failed)),
        _ => {}
    }
    let reason = end.strip_prefix("ignored")?;
    let reason = reason.strip_prefix(", ").unwrap_or(reason).trim();
    let reason = reason
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(reason);
    let reason = if reason.is_empty() {
        "no reason given"
    } else {
        reason
    };
    Some((name, End::Ignored(reason.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str], succeeded: bool) -> Totals {
        let mut reader = Reader::new("crate");
        for line in lines {
            reader.line(line);
        }
        reader.finish(succeeded, "signal 11")
    }

    #[test]
    fn totals_are_those_of_the_result_lines() {
        let totals = read(
            &[
                "running 3 tests",
                "test tests::one ... ok",
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
                "test result: FAILED. 10 passed; 2 failed; 4 ignored; 1 measured; 0 filtered out; finished in 1.00s",
            ],
            false,
        );
        assert_eq!((totals.passed, totals.failed, totals.skipped), (14, 2, 5));
        assert_eq!(totals.to_string(), "14 passed, 2 failed, 5 skipped");
    }

    #[test]
    fn a_skipped_test_keeps_its_reason_whoever_ran_it() {
        for (line, name, reason) in [
            ("test a::b ... ignored, needs root", "crate: a::b", "needs root"),
            (
                "test a_name_padded      ... ignored (needs root (uid 0))",
                "crate: a_name_padded",
                "needs root (uid 0)",
            ),
            (
                "test src/lib.rs - f (line 3) ... ignored",
                "crate: src/lib.rs - f (line 3)",
                "no reason given",
            ),
        ] {
            let totals = read(&[line], true);
            assert_eq!(
                totals.reasons,
                [Skipped {
                    name: name.to_owned(),
                    reason: reason.to_owned()
                }]
            );
        }
    }

    #[test]
    fn failures_are_named() {
        assert_eq!(read(&["test a::b ... FAILED"], false).failures[0], "crate: a::b");
    }

    #[test]
    fn a_program_that_dies_is_a_failure_beside_what_it_had_done() {
        let summary =
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        for (lines, passed, failed, skipped) in [
            (["running 4 tests", "", "", ""].as_slice(), 0, 1, 0),
            (
                &[
                    "running 4 tests",
                    "test one ... ok",
                    "test two ... ignored, why",
                    "test three ... FAILED",
                ],
                1,
                2,
                1,
            ),
            (&["running 4 tests", "test one ... ok", summary], 3, 1, 0),
            (
                &["running 4 tests", summary, "running 1 test", "test one ... ok"],
                4,
                1,
                0,
            ),
        ] {
            let totals = read(lines, false);
            assert_eq!(
                (totals.passed, totals.failed, totals.skipped),
                (passed, failed, skipped),
                "{lines:?}"
            );
            assert_eq!(totals.failures.last().unwrap(), "crate: signal 11");
        }
    }

    #[test]
    fn a_program_that_ends_well_in_the_middle_of_its_tests_has_failed() {
        let totals = read(&["running 4 tests", "test one ... ok"], true);
        assert_eq!((totals.passed, totals.failed), (1, 1));
    }

    #[test]
    fn ordinary_output_counts_nothing() {
        for line in [
            "test that ... matters",
            "all tests ok. 3 passed; 0 failed; 1 ignored",
            "FAILED",
            "",
        ] {
            assert_eq!(read(&[line], true), Totals::default(), "{line}");
        }
    }
}
