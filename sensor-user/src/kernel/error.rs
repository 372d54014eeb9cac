//! What can go wrong between the daemon and the kernel, each with its cure.

use std::{io, path::PathBuf};

use aya::{EbpfError, maps::MapError, programs::ProgramError};

/// What can go wrong between the daemon and the kernel.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The object file of `--object` cannot be read.
    #[error("the eBPF object {path} cannot be read: {source}; name a file that `cargo xtask build` made")]
    Object {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process lacks the privilege to load programs.
    #[error(
        "loading the XDP program was refused ({0}): run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON \
         (`systemctl start teiten`, or `sudo teiten run …`)"
    )]
    Privilege(String),
    /// The kernel is older than the oldest that has what the program needs.
    #[error(
        "Linux {found} is too old: the ring buffer, links and per-CPU batches that this program needs came with 5.10; \
         boot a newer kernel"
    )]
    KernelTooOld {
        /// The running kernel's release.
        found: String,
    },
    /// The object does not hold a program or map that the daemon needs.
    #[error("the eBPF object has no {what} `{name}`: build daemon and object from the same source")]
    Missing {
        /// Program or map.
        what: &'static str,
        /// Its name.
        name: &'static str,
    },
    /// The object could not be loaded.
    #[error(
        "the eBPF object cannot be loaded ({0}): build it and the daemon from one source, with `cargo xtask build`, and \
         leave other objects out"
    )]
    Load(#[from] EbpfError),
    /// The kernel has no room for a map, or takes none so large.
    #[error(
        "the kernel refused the map `{name}` ({source}): it may be too large; try a smaller `kernel.ring_size`, a \
         smaller `kernel.flow_slots`, or fewer prefixes, or give the sensor more memory"
    )]
    MapRefused {
        /// The map.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A program was refused.
    #[error("the kernel refused the program `{name}`: {source}")]
    Program {
        /// The program.
        name: &'static str,
        /// Why.
        source: Box<ProgramError>,
    },
    /// The verifier refused a program.
    #[error(
        "the kernel's verifier refused the program `{name}` ({cause}); the end of its log:\n{log}\nThis is a bug, or a \
         kernel that was never tried: report both, with the log of `TEITEN_LOG=debug`"
    )]
    Refused {
        /// The program.
        name: &'static str,
        /// The system's words.
        cause: String,
        /// The verifier's last words.
        log: String,
    },
    /// A program answered what it never may.
    #[error("the program `{name}` answered {answer}, which is none of its verdicts")]
    Answer {
        /// The program.
        name: &'static str,
        /// What it answered.
        answer: u32,
    },
    /// A map operation failed.
    #[error("the map `{name}` cannot be used: {source}")]
    Map {
        /// The map.
        name: &'static str,
        /// Why.
        source: Box<MapError>,
    },
    /// A system call on a map failed.
    #[error("the map `{name}` cannot be read: {source}")]
    MapRead {
        /// The map.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// There is no such interface.
    #[error("there is no interface `{}` here: `ip -brief link` lists those that are", .0.escape_debug())]
    NoSuchInterface(String),
    /// One interface was given under two of its names.
    #[error("`{first}` and `{second}` are the same interface: name it once")]
    SameInterface {
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// Two interfaces would be counted in one place.
    #[error(
        "the interfaces `{first}` and `{second}` cannot be told apart in the counters (their indices are equal modulo \
         {modulus}): run a second sensor for one of them"
    )]
    InterfaceClash {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// Interfaces that can be told apart.
        modulus: usize,
    },
    /// Another XDP program holds the interface.
    #[error(
        "another XDP program is attached to `{interface}`{program}: it is not ours to replace; take it off with \
         `ip link set dev {interface} xdp off` if it is not needed, or give the sensor another interface"
    )]
    ForeignProgram {
        /// Where.
        interface: String,
        /// Which program, as far as it can be told.
        program: String,
    },
    /// The driver has no native XDP, or not for these settings.
    #[error("native XDP is not possible on `{interface}` ({cause}): {cure}")]
    NoNative {
        /// Where.
        interface: String,
        /// Why, in the kernel's words.
        cause: String,
        /// What helps.
        cure: String,
    },
    /// Attaching failed for another reason.
    #[error("the XDP program cannot be attached to `{interface}` in {mode} mode: {cause}")]
    Attach {
        /// Where.
        interface: String,
        /// How.
        mode: super::Mode,
        /// Why.
        cause: String,
    },
    /// The ring of records cannot be mapped.
    #[error("the ring of records cannot be mapped: {0}")]
    Ring(io::Error),
    /// A CPU cannot be worked on.
    #[error("the flow cache of CPU {cpu} cannot be flushed: {cause}")]
    Flush {
        /// Which.
        cpu: u32,
        /// Why.
        cause: String,
    },
    /// The watch list is larger than the index can name.
    #[error(
        "the watch list covers {0} networks of size /16 in part, more than can be told apart; name whole /16 networks \
         or fewer"
    )]
    WatchTooLarge(usize),
    /// The system's list of CPUs or interfaces cannot be read.
    #[error("{path} cannot be read: {source}")]
    System {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl KernelError {
    /// A failed map operation.
    pub(super) fn map(name: &'static str) -> impl FnOnce(MapError) -> Self {
        move |source| Self::Map {
            name,
            source: Box::new(source),
        }
    }
}
