//! The README's part of what the machines came to.

use std::{fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::project;

/// What stands before and after the table.
const BEGIN: &str = "<!-- kernels: written by `cargo xtask vm --write`, begin -->\n";
const END: &str = "<!-- kernels: end -->\n";

/// Rows of the documentation's table that a reader of the README looks for.
const FEATURES: [&str; 11] = [
    "Verifier: plain program",
    "Verifier: program for frames in several buffers",
    "Verifier: flush",
    "Table of cases, plain program",
    "Table of cases, frames in several buffers",
    "Per-CPU arrays read in batches",
    "Native mode on veth",
    "Native mode on virtio_net",
    "Generic mode on loopback",
    "Pinned map and link survive their process",
    "The daemon under load",
];

fn path() -> PathBuf {
    project::root().join("README.md")
}

/// Writes the table into the README: those rows of the documentation's page, word for word.
///
/// # Errors
/// The README cannot be read or written, or has no place for it.
pub(super) fn write(page: &str) -> Result<PathBuf> {
    let path = path();
    let readme = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let (before, rest) = readme
        .split_once(BEGIN)
        .with_context(|| format!("{} has no line {BEGIN}", path.display()))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("{} has no line {END}", path.display()))?;
    let whole = [before, BEGIN, &table(page), END, after].concat();
    fs::write(&path, whole).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

/// The titles and the features out of the documentation's page.
fn table(page: &str) -> String {
    let rows = page.lines().filter(|line| line.starts_with('|'));
    rows.enumerate()
        .filter(|(place, row)| *place < 2 || FEATURES.contains(&title(row)))
        .fold(String::new(), |mut table, (_, row)| {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{row}");
            table
        })
}

fn title(row: &str) -> &str {
    row.split('|').nth(1).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/kernels.md");

    #[test]
    fn the_readme_says_of_each_kernel_what_the_documentation_says() {
        let readme = fs::read_to_string(path()).unwrap();
        let (_, rest) = readme.split_once(BEGIN).unwrap();
        let (part, _) = rest.split_once(END).unwrap();
        assert_eq!(part, table(PAGE), "write it with `cargo xtask vm --write`");
    }

    #[test]
    fn every_feature_of_the_readme_is_checked_in_every_machine() {
        for feature in FEATURES {
            assert!(PAGE.lines().any(|row| title(row) == feature), "{feature}");
        }
        assert_eq!(table(PAGE).lines().count(), 2 + FEATURES.len());
    }

    #[test]
    fn what_is_no_feature_is_left_to_the_documentation() {
        let page =
            "# Kernels\n| Linux | 6.1 |\n| --- | --- |\n| Verifier: flush | 9 |\n| Something else | 1 |\n";
        assert_eq!(
            table(page),
            "| Linux | 6.1 |\n| --- | --- |\n| Verifier: flush | 9 |\n"
        );
    }
}
