//! How far the records have followed counters that outlive a daemon.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Store, failed};
use crate::{Addition, Followed, KeepError, Reached};

/// Notes what an interval brings, in the same transaction. Of another epoch nothing is remembered: those counters are gone.
pub(super) fn add(
    transaction: &Transaction<'_>,
    reached: &Reached,
    additions: &[Addition],
) -> rusqlite::Result<()> {
    let epoch = reached.epoch.cast_signed();
    let accounted = additions.iter().map(Addition::accounted);
    let (packets, records) = accounted.fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
    let counters: Vec<u8> = reached
        .counters
        .iter()
        .flat_map(|counter| counter.to_le_bytes())
        .collect();
    transaction.execute("DELETE FROM followed WHERE epoch <> ?1", [epoch])?;
    transaction.execute(
        "INSERT INTO followed VALUES (?1, ?2, ?3 + ?5, ?4 + ?6) ON CONFLICT DO UPDATE SET counters = ?2, \
         packets = packets + ?3, records = records + ?4",
        params![
            epoch,
            counters,
            packets,
            records,
            reached.before.0.cast_signed(),
            reached.before.1.cast_signed(),
        ],
    )?;
    Ok(())
}

impl Store {
    /// How far, if ever.
    pub fn followed(&self) -> Result<Option<Followed>, KeepError> {
        self.connection
            .query_row(
                "SELECT epoch, counters, packets, records FROM followed",
                [],
                |row| {
                    let bytes: Vec<u8> = row.get(1)?;
                    let (counters, _) = bytes.as_chunks::<8>();
                    Ok(Followed {
                        epoch: row.get::<_, i64>(0)?.cast_unsigned(),
                        counters: counters
                            .iter()
                            .map(|counter| u64::from_le_bytes(*counter))
                            .collect(),
                        packets: row.get::<_, i64>(2)?.cast_unsigned(),
                        records: row.get::<_, i64>(3)?.cast_unsigned(),
                    })
                },
            )
            .optional()
            .map_err(failed("read", &self.path))
    }
}
