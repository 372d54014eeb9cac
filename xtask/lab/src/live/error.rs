//! What can keep a load from being generated.

use std::path::PathBuf;

/// Why a load was not generated, or not counted.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The object file is missing or is refused.
    #[error(
        "the generator {path} cannot be loaded ({source}): `cargo xtask build` makes it, and loading it takes root",
        path = path.display()
    )]
    Load {
        /// The object file.
        path: PathBuf,
        /// Why.
        source: Box<aya::EbpfError>,
    },
    /// A program or map is not in the object.
    #[error("the generator has no {0}: `cargo xtask build` makes it anew")]
    Missing(&'static str),
    /// The kernel refuses a program.
    #[error("the kernel refuses the generator's program {name} ({source})")]
    Program {
        /// The program.
        name: &'static str,
        /// Why.
        source: Box<aya::programs::ProgramError>,
    },
    /// The kernel does not run it with live frames.
    #[error(
        "{name} cannot send live frames from CPU {cpu} ({source}): this takes Linux 5.18, and an interface that is up"
    )]
    Run {
        /// The program.
        name: &'static str,
        /// Where.
        cpu: u32,
        /// Why.
        source: Box<aya::programs::ProgramError>,
    },
    /// A program ended before it came to the one that it was to call.
    #[error("{0} did not get to the program that it was to call: that one is missing, or does not drop")]
    NotCalled(&'static str),
    /// A map cannot be read or written.
    #[error("the generator's map {name} cannot be used ({source})")]
    Map {
        /// The map.
        name: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A thread cannot be kept on its CPU.
    #[error(
        "no thread can run on CPU {cpu} ({source}): name CPUs that are online, and allowed for this process"
    )]
    Pin {
        /// The CPU.
        cpu: u32,
        /// Why.
        source: nix::errno::Errno,
    },
    /// The system does not say which CPUs are online.
    #[error("{path} cannot be read ({source})")]
    Cpus {
        /// What says it.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl LiveError {
    pub(super) fn map<E>(name: &'static str) -> impl FnOnce(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |source| Self::Map {
            name,
            source: Box::new(source),
        }
    }
}
