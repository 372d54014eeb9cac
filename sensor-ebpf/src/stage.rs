//! The way of a record to user space: sixteen to a batch, one write to the ring for each.
//!
//! What is dear about the ring is its cache line that all CPUs share, not the copy.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::bpf_ringbuf_query,
    programs::XdpContext,
};
use aya_log_ebpf::warn;
use sensor_common::{
    counters::SendBooks,
    record::{BATCH_RECORDS, Record, Words},
};

use crate::maps::{RECORDS, STAGE, Stage, config, copy, own, words};

/// The reader polls by time; it is woken early when the ring fills, which is looked at once in so many batches.
const BATCHES_BETWEEN_LOOKS: u64 = 16;

/// Puts a record into this CPU's batch, and sends the batch when it is full.
#[inline(always)]
pub fn put(context: &XdpContext, record: &Record, books: &mut SendBooks) {
    let Some(stage) = own(&STAGE, 0) else {
        return lose(books, 1, record.packets.into());
    };
    if cfg!(feature = "fault-drop") && fault::is_due(stage) {
        // A record that vanishes although the books have it: what the markers are there to find.
        books.attempted_records += 1;
        books.attempted_packets += u64::from(record.packets);
        return;
    }
    let place = stage.records as usize & (BATCH_RECORDS - 1);
    copy(words(record), &raw mut stage.batch[place]);
    stage.packets += u64::from(record.packets);
    stage.records += 1;
    if stage.records as usize >= BATCH_RECORDS {
        send_batch(context, stage, books);
    }
}

#[inline(always)]
fn send_batch(context: &XdpContext, stage: &mut Stage, books: &mut SendBooks) {
    stage.batches += 1;
    if RECORDS
        .output_untyped::<[Words; BATCH_RECORDS]>(&stage.batch, wake(stage.batches))
        .is_ok()
    {
        books.attempted_records += BATCH_RECORDS as u64;
        books.attempted_packets += stage.packets;
    } else {
        lose(books, BATCH_RECORDS as u64, stage.packets);
        log_loss(context, books.lost_records);
    }
    stage.clear();
}

/// Sends one record past the batch.
#[inline(always)]
pub fn send_now(record: &Record, books: &mut SendBooks) {
    match RECORDS.reserve(0) {
        Some(mut place) => {
            copy(words(record), place.as_mut_ptr());
            place.submit(BPF_RB_NO_WAKEUP.into());
            books.attempted_records += 1;
            books.attempted_packets += u64::from(record.packets);
        }
        None => lose(books, 1, record.packets.into()),
    }
}

#[inline(always)]
fn lose(books: &mut SendBooks, records: u64, packets: u64) {
    books.attempted_records += records;
    books.attempted_packets += packets;
    books.lost_records += records;
    books.lost_packets += packets;
}

/// Says that the ring is full: at the first loss, and whenever the loss has doubled.
#[inline(always)]
fn log_loss(context: &XdpContext, lost_records: u64) {
    let batches = lost_records / BATCH_RECORDS as u64;
    if batches & batches.wrapping_sub(1) == 0 {
        warn!(
            context,
            "the ring of records is full: {} records lost on this CPU so far", lost_records
        );
    }
}

#[inline(always)]
fn wake(batches: u64) -> u64 {
    if batches.is_multiple_of(BATCHES_BETWEEN_LOOKS) && bytes_waiting() > config().wake_bytes {
        BPF_RB_FORCE_WAKEUP.into()
    } else {
        BPF_RB_NO_WAKEUP.into()
    }
}

/// What lies in the ring for the reader, in bytes.
#[inline(always)]
fn bytes_waiting() -> u64 {
    // SAFETY: the map is a ring buffer, and the helper only reads its positions.
    unsafe { bpf_ringbuf_query((&raw const RECORDS).cast_mut().cast(), BPF_RB_AVAIL_DATA.into()) }
}

/// A planted fault, for the test that the markers find it.
mod fault {
    use super::{BATCH_RECORDS, Stage};

    /// Batches between two vanishing records: one record in a million.
    const BATCHES: u64 = 1_000_000 / BATCH_RECORDS as u64;

    #[inline(always)]
    pub fn is_due(stage: &mut Stage) -> bool {
        let due = stage.batches % BATCHES == BATCHES - 1 && stage.records == 0;
        // The next record of this batch is not the first any more.
        stage.batches += u64::from(due);
        due
    }
}
