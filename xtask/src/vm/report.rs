//! What the machines came to, as a table for people and an object for programs.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};

use super::{
    boot::{Check, Outcome, Run},
    kernel::Kernel,
};
use crate::results::Totals;

/// What stands above the table in the documentation.
const DOCUMENT: &str = include_str!("kernels.md");

/// The machines, in the order in which they ran.
#[derive(Default)]
pub(crate) struct Report {
    machines: Vec<(Kernel, Run)>,
}

impl Report {
    pub(crate) fn add(&mut self, kernel: Kernel, run: Run) {
        self.machines.push((kernel, run));
    }

    /// Whether nothing failed, and no machine broke off.
    pub(crate) fn holds(&self) -> bool {
        self.machines.iter().all(|(_, run)| {
            run.problem.is_none()
                && !run.checks.is_empty()
                && run.checks.iter().all(|check| check.outcome != Outcome::Failed)
        })
    }

    /// Each check as a test.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (kernel, run) in &self.machines {
            for check in &run.checks {
                let name = format!("Linux {kernel}: {}", check.name);
                match check.outcome {
                    Outcome::Passed => totals.passed += 1,
                    Outcome::Absent => totals.skip(name, check.summary.clone()),
                    Outcome::Failed => {
                        totals.failed += 1;
                        totals.failures.push(name);
                    }
                }
            }
            if let Some(problem) = &run.problem {
                totals.failed += 1;
                totals.failures.push(format!("Linux {kernel}: {problem}"));
            }
        }
        totals
    }

    /// One object: for each kernel its release, whether all is well, and every check with its figures.
    pub(crate) fn to_json(&self) -> Value {
        let check = |check: &Check| {
            let value = json!({
                "title": check.title,
                "outcome": match check.outcome {
                    Outcome::Passed => "passed",
                    Outcome::Absent => "absent",
                    Outcome::Failed => "failed",
                },
                "summary": check.summary,
                "figures": check.figures,
                "seconds": check.seconds,
            });
            (check.name.clone(), value)
        };
        let kernels: Map<String, Value> = self
            .machines
            .iter()
            .map(|(kernel, run)| {
                let checks: Map<String, Value> = run.checks.iter().map(check).collect();
                let value = json!({ "release": run.release, "problem": run.problem, "checks": checks });
                (kernel.name().to_owned(), value)
            })
            .collect();
        json!({ "schema": 1, "holds": self.holds(), "kernels": kernels })
    }

    /// A page of the documentation.
    pub(crate) fn to_markdown(&self) -> String {
        let mut page = DOCUMENT.to_owned();
        let mut row = |cells: &[String]| {
            // Writing to a string cannot fail.
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        };
        let rows = self.rows();
        for (place, cells) in rows.iter().enumerate() {
            row(cells);
            if place == 0 {
                row(&vec!["---".to_owned(); cells.len()]);
            }
        }
        page
    }

    /// The table: titles, then a row for each check; a column for each kernel.
    fn rows(&self) -> Vec<Vec<String>> {
        let column = |(kernel, run): &(Kernel, Run)| match run.release.as_str() {
            "" => kernel.to_string(),
            release => release.trim_end_matches("-cloud-amd64").to_owned(),
        };
        let mut rows = vec![
            std::iter::once("Linux".to_owned())
                .chain(self.machines.iter().map(column))
                .collect::<Vec<_>>(),
        ];
        let mut titles: Vec<(&str, &str)> = Vec::new();
        for check in self.machines.iter().flat_map(|(_, run)| &run.checks) {
            if !titles.iter().any(|(name, _)| *name == check.name) {
                titles.push((&check.name, &check.title));
            }
        }
        rows.extend(titles.into_iter().map(|(name, title)| {
            let cells = self.machines.iter().map(|(_, run)| cell(run, name));
            std::iter::once(title.to_owned()).chain(cells).collect()
        }));
        rows
    }
}

fn cell(run: &Run, name: &str) -> String {
    match run.checks.iter().find(|check| check.name == name) {
        None => "not run".to_owned(),
        Some(check) => match check.outcome {
            Outcome::Passed => check.summary.clone(),
            Outcome::Absent => format!("– ({})", check.summary),
            // The whole of it was said when it came.
            Outcome::Failed => "FAILED".to_owned(),
        },
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let columns = rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            rows.iter()
                .map(|cells| cells[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for cells in &rows {
            let mut line = String::new();
            for (cell, width) in cells.iter().zip(&widths) {
                write!(line, "{cell:<width$}   ")?;
            }
            writeln!(formatter, "{}", line.trim_end())?;
        }
        let failed = self.totals();
        for name in &failed.failures {
            writeln!(formatter, "FAILED: {name}")?;
        }
        write!(formatter, "{failed}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, outcome: Outcome, summary: &str) -> Check {
        Check {
            name: name.to_owned(),
            title: name.to_uppercase(),
            outcome,
            summary: summary.to_owned(),
            figures: Map::new(),
            seconds: 1.0,
        }
    }

    fn report(outcome: Outcome, problem: Option<&str>) -> Report {
        let mut report = Report::default();
        for (kernel, release, second) in [
            (
                Kernel::V5_10,
                "5.10.0-46-cloud-amd64",
                check("b", Outcome::Absent, "from 5.18"),
            ),
            (
                Kernel::V6_1,
                "6.1.0-56-cloud-amd64",
                check("b", outcome, "9 packets"),
            ),
        ] {
            report.add(
                kernel,
                Run {
                    release: release.to_owned(),
                    checks: vec![check("a", Outcome::Passed, "well"), second],
                    problem: problem.map(str::to_owned),
                },
            );
        }
        report
    }

    #[test]
    fn the_table_has_a_row_for_each_check_and_a_column_for_each_kernel() {
        let page = report(Outcome::Passed, None).to_markdown();
        let table: Vec<_> = page.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(
            table,
            [
                "| Linux | 5.10.0-46 | 6.1.0-56 |",
                "| --- | --- | --- |",
                "| A | well | well |",
                "| B | – (from 5.18) | 9 packets |",
            ]
        );
    }

    #[test]
    fn a_failure_or_a_broken_machine_is_never_well() {
        for (outcome, problem, holds, failed) in [
            (Outcome::Passed, None, true, 0),
            (Outcome::Absent, None, true, 0),
            (Outcome::Failed, None, false, 1),
            (Outcome::Passed, Some("broke off"), false, 2),
        ] {
            let report = report(outcome, problem);
            assert_eq!(report.holds(), holds, "{outcome:?} {problem:?}");
            assert_eq!(report.totals().failed, failed, "{outcome:?} {problem:?}");
            assert_eq!(report.to_json()["holds"], holds);
        }
    }

    #[test]
    fn a_machine_without_a_single_check_is_never_well() {
        let mut report = Report::default();
        report.add(Kernel::V6_1, Run::default());
        assert!(!report.holds());
    }

    #[test]
    fn what_a_kernel_lacks_is_skipped_with_the_reason() {
        let totals = report(Outcome::Passed, None).totals();
        assert_eq!((totals.passed, totals.skipped), (3, 1));
        assert_eq!(totals.reasons[0].reason, "from 5.18");
    }
}
