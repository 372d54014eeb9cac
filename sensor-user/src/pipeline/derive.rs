//! The derived totals: what is known from records, as far as they reached us.

use sensor_common::record::Record;

/// Totals from records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    /// Packets in the records that were taken in.
    pub packets: u64,
    /// Those records.
    pub records: u64,
}

impl Derived {
    /// Takes a record in.
    pub fn add(&mut self, record: &Record) {
        self.packets += u64::from(record.packets);
        self.records += 1;
    }
}
