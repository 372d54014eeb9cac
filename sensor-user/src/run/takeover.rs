//! The takeover: what a daemon that finds maps of an earlier one enters into the ledger before it reads.

use crate::{
    kernel::Ledger,
    pipeline::ledger::{Amount, Books},
};

/// What a daemon begins with.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The books.
    pub books: Books,
    /// Whether the daemon before this one ended without stopping.
    pub died: bool,
}

/// Begins this daemon's run in the ledger. What the one before had read and not published died with it, and is declared
/// lost.
pub fn take_over(ledger: &Ledger, adopted: bool) -> Taken {
    let died = ledger.begin_run();
    let read = ledger
        .drained()
        .cpus
        .into_iter()
        .fold(Amount::default(), Amount::plus);
    let (books, lost) = ledger.books().taken_over(read, died);
    ledger.set_books(&books);
    if died {
        tracing::warn!(
            records = lost.records,
            packets = lost.packets,
            crashes = books.crashes,
            "the daemon before this one died: the detail that it had read and not published is lost, and no total is"
        );
    } else if adopted {
        tracing::info!("the daemon before this one stopped cleanly: nothing is lost");
    }
    Taken { books, died }
}
