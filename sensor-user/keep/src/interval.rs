//! What one interval adds to the records.

use sensor_records::rows::{CellRow, CoverageRow, SourceRow, UniqueRow};

/// What one interval adds, by hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    /// Each hour once.
    pub hours: Vec<Addition>,
    /// How far the totals of these maps are in the records with it.
    pub reached: Option<Reached>,
}

/// Counters that outlive a daemon, as far as the records have followed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Which counters: a number that tells them from all others.
    pub epoch: u64,
    /// What they showed, in the caller's own order.
    pub counters: Vec<u64>,
    /// Packets and records of detail that were accounted for before anything followed these counters.
    pub before: (u64, u64),
}

/// What is in the records of the counters of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Which counters.
    pub epoch: u64,
    /// What they showed then.
    pub counters: Vec<u64>,
    /// Packets of detail that have their place there: in rows, or as lost.
    pub packets: u64,
    /// The records that these packets came in.
    pub records: u64,
}

/// What one interval adds to one hour. The times of the hour in the rows are not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Addition {
    /// When the hour begins, in seconds since 1970.
    pub hour: i64,
    /// Packets by cell.
    pub cells: Vec<CellRow>,
    /// Packets by source.
    pub sources: Vec<SourceRow>,
    /// The ports of the folded rows of [`sources`](Self::sources).
    pub folded_ports: Vec<FoldedPorts>,
    /// Sketches of the sources that came.
    pub uniques: Vec<UniqueRow>,
    /// What the interval saw.
    pub coverage: CoverageRow,
    /// How many records of flows the cells come from.
    pub records: u64,
}

impl Addition {
    /// Packets and records of detail that have their place with it: in cells, or as what could not be kept.
    pub(crate) fn accounted(&self) -> (i64, i64) {
        let lost = &self.coverage;
        let packets = self.cells.iter().map(|cell| cell.packets).sum::<i64>();
        (
            packets + lost.unrecorded + lost.lost_queue_packets + lost.lost_crash_packets,
            self.records.cast_signed() + lost.lost_queue_records + lost.lost_crash_records,
        )
    }
}

/// Which ports are in a folded row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoldedPorts {
    /// The source.
    pub source: String,
    /// The transport.
    pub transport: String,
    /// The class.
    pub class: String,
    /// The service ports, each once.
    pub ports: Vec<u16>,
}

/// Adds the counts of one row of coverage to another; what is no count is taken from the newer one where it has it.
pub fn add_coverage(to: &mut CoverageRow, from: &CoverageRow) {
    to.seconds_observed += from.seconds_observed;
    for (sum, packets) in to.outcome.0.iter_mut().zip(from.outcome.0) {
        *sum += packets;
    }
    macro_rules! add {
        ($($count:ident),+ $(,)?) => { $(to.$count += from.$count;)+ };
    }
    add!(
        seen,
        observed,
        class_scan,
        class_backscatter,
        class_other,
        recorded,
        lost_ring_records,
        lost_ring_packets,
        lost_queue_records,
        lost_queue_packets,
        lost_crash_records,
        lost_crash_packets,
        unrecorded,
        late,
        uniques_other,
        write_failures,
        starts,
        clock_steps,
    );
    if let Some(seconds) = from.uniques_seconds {
        *to.uniques_seconds.get_or_insert(0.0) += seconds;
    }
    to.watched_addresses = to.watched_addresses.max(from.watched_addresses);
    for (text, newer) in [
        (&mut to.xdp_mode, &from.xdp_mode),
        (&mut to.program_digest, &from.program_digest),
        (&mut to.region_database, &from.region_database),
    ] {
        if !newer.is_empty() {
            text.clone_from(newer);
        }
    }
    to.region_database_built = from.region_database_built.or(to.region_database_built);
}
