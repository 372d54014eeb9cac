//! What can go wrong between the daemon and the kernel, each with its cure.

use std::{io, path::PathBuf};

use aya::{EbpfError, maps::MapError, pin::PinError, programs::ProgramError};

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
    #[error(
        "the ring of records cannot be mapped: {0}; try a smaller `kernel.ring_size`, or let the daemon have more \
         address space"
    )]
    Ring(io::Error),
    /// A CPU cannot be worked on.
    #[error("the flow cache of CPU {cpu} cannot be flushed: {cause}")]
    Flush {
        /// Which.
        cpu: u32,
        /// Why.
        cause: String,
    },
    /// Pins need a BPF file system, and there is none.
    #[error(
        "{} is in no BPF file system, so nothing could outlive the daemon: `mount -t bpf bpf /sys/fs/bpf`, or give \
         another folder with `kernel.pin_directory`, or run with `kernel.pin = false` (`--no-pin`), where every stop \
         is a gap", .0.display()
    )]
    NoBpfFileSystem(PathBuf),
    /// A folder or a pin cannot be worked with.
    #[error(
        "{} cannot be used for pins ({source}): run as root, give a folder of the sensor's own user with \
         `kernel.pin_directory`, or run with `kernel.pin = false` (`--no-pin`)", path.display()
    )]
    PinFolder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An object cannot be pinned.
    #[error("{} cannot be pinned: {source}", path.display())]
    Pin {
        /// Where.
        path: PathBuf,
        /// Why.
        source: Box<PinError>,
    },
    /// Another daemon works with the pins.
    #[error(
        "a sensor of this id runs already, as {holder} (it holds {}): stop it first, or give this one another id \
         with `--id` and another interface", folder.display()
    )]
    AlreadyRunning {
        /// The sensor's folder.
        folder: PathBuf,
        /// Who.
        holder: String,
    },
    /// The pins are those of another version.
    #[error(
        "what is pinned at {} is of layout {found}, and this version has {own}: run the version that made it, or take \
         it off with `teiten detach`, or begin anew with `--discard-pins`, which loses the totals in it", folder.display()
    )]
    OtherLayout {
        /// The set.
        folder: PathBuf,
        /// Its layout.
        found: String,
        /// Ours.
        own: String,
    },
    /// The pins are not what a daemon of this version left.
    #[error(
        "the pins at {} are damaged: {what}; take them off with `teiten detach`, or begin anew with `--discard-pins`: \
         the totals in them are lost either way", folder.display()
    )]
    PinsDamaged {
        /// The set.
        folder: PathBuf,
        /// How.
        what: String,
    },
    /// The object makes other maps than the daemon reads.
    #[error(
        "the map `{name}` of the eBPF object is not what this daemon reads: {misfit}; build daemon and object from the \
         same source"
    )]
    OtherObject {
        /// The map.
        name: &'static str,
        /// How it differs.
        misfit: String,
    },
    /// A pinned link is on an interface of another network namespace.
    #[error(
        "the link pinned at {} is not on an interface of this network namespace: run the sensor where it was, or \
         give this one another id with `--id`, or take the link off with `teiten detach`", path.display()
    )]
    LinkElsewhere {
        /// The pin.
        path: PathBuf,
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
