//! What can go wrong with the daemon.

use std::{io, path::PathBuf};

/// What went wrong with the daemon.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// It is not there, or its namespace is not.
    #[error(
        "{program} cannot be started ({source}): `cargo xtask build --release` makes it",
        program = program.display()
    )]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("the daemon ended ({status}); its last words:\n{log}")]
    Ended {
        /// How.
        status: String,
        /// What it said.
        log: String,
    },
    /// It does not answer.
    #[error("the daemon does not answer {path} ({source}); its last words:\n{log}")]
    Silent {
        /// What was asked for.
        path: String,
        /// Why.
        source: Box<ureq::Error>,
        /// What it said.
        log: String,
    },
    /// Its answer is something else.
    #[error("the daemon's answer to {path} is not what is documented: {cause}")]
    Answer {
        /// What was asked for.
        path: String,
        /// Why.
        cause: String,
    },
    /// The system refuses to say something of it or do something to it.
    #[error("{what} ({source})")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// A failure of the system itself, as of what.
pub(super) fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> DaemonError {
    move |source| DaemonError::System {
        what,
        source: source.into(),
    }
}
