//! The pages of the documentation, and the tables that are written into them.

use std::{env, fs, path::PathBuf};

/// Where a page lies, named from the repository's root.
fn path(page: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(page)
}

/// The text of a page.
pub fn text(page: &str) -> String {
    fs::read_to_string(path(page)).unwrap()
}

/// The first cells of a page's tables that are code, in the order of the page.
pub fn first_cells(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(cell, _)| cell)
}

/// The lines of a table.
pub fn table(head: &[&str], rows: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = head.iter().map(|line| (*line).to_owned()).chain(rows).collect();
    format!("{}\n", lines.join("\n"))
}

/// Holds the table of metrics of a page against what it has to be, or writes it there.
pub fn hold(page: &str, table: &str) {
    hold_table(page, "metrics", table);
}

/// Holds the table between the marks of a subject against what it has to be, or writes it there.
pub fn hold_table(page: &str, subject: &str, table: &str) {
    let begin = &format!("<!-- {subject}: written by a test of the sensor, begin -->\n");
    let end = &format!("<!-- {subject}: end -->");
    let text = text(page);
    let (before, rest) = text
        .split_once(begin)
        .unwrap_or_else(|| panic!("{page} has no table"));
    let (written, after) = rest
        .split_once(end)
        .unwrap_or_else(|| panic!("the table of {page} has no end"));
    if env::var_os("TEITEN_WRITE_DOCS").is_some() {
        fs::write(path(page), format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(
        written, table,
        "{page} is not up to date: run `TEITEN_WRITE_DOCS=1 cargo test -p teiten --test reference`"
    );
}
