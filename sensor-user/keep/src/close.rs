//! The end of an hour: its rows become files, and then the open hour forgets them.

use sensor_records::{
    Existing, Micros, Row, Writer,
    rows::{CellRow, CoverageRow, SourceRow},
};

use crate::{KeepError, Status, store::Store};

/// Writes the files of an hour. Cut off at any point it is done again, and puts the same files in the same places.
pub(crate) fn close_hour(
    store: &mut Store,
    writer: &Writer,
    status: &Status,
    hour: i64,
    existing: &Existing,
) -> Result<(), KeepError> {
    let mut cells = store.cells(hour)?;
    let mut sources = store.sources(hour)?;
    let mut uniques = store.uniques(hour)?;
    let mut coverage = CoverageRow {
        hour: Micros::from_seconds(hour),
        uniques_rows: count(uniques.len()),
        ..store.coverage(hour)?
    };
    sum_cells(&cells, &mut coverage);
    sum_sources(&sources, &mut coverage);
    let writing = Writing {
        writer,
        status,
        hour,
        existing,
    };
    writing.table(&mut cells)?;
    writing.table(&mut sources)?;
    writing.table(&mut uniques)?;
    // The coverage comes last: an hour that has it is whole.
    writing.table(&mut [coverage])?;
    store.forget_hour(hour)?;
    tracing::info!(
        hour,
        cells = cells.len(),
        sources = sources.len(),
        uniques = uniques.len(),
        "an hour of records is closed"
    );
    Ok(())
}

pub(crate) fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// What the files of one hour or day have in common.
pub(crate) struct Writing<'a> {
    pub writer: &'a Writer,
    pub status: &'a Status,
    pub hour: i64,
    pub existing: &'a Existing,
}

impl Writing<'_> {
    /// Writes a table's file, where there is anything to write.
    pub fn table<R: Row>(&self, rows: &mut [R]) -> Result<(), KeepError> {
        if !rows.is_empty() {
            self.writer.write(self.hour, rows, self.existing)?;
            self.status.wrote(R::TABLE);
        }
        Ok(())
    }
}

fn sum_cells(cells: &[CellRow], coverage: &mut CoverageRow) {
    coverage.cells_rows = count(cells.len());
    coverage.recorded = cells.iter().map(|cell| cell.packets).sum();
    let rest = cells.iter().filter(|cell| cell.other);
    coverage.cells_other = rest.map(|cell| cell.packets).sum();
}

fn sum_sources(sources: &[SourceRow], coverage: &mut CoverageRow) {
    coverage.sources_rows = count(sources.len());
    let rest = sources.iter().filter(|source| source.other);
    coverage.sources_other = rest.map(|source| source.packets).sum();
}
