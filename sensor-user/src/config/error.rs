//! What can be wrong with a configuration, each with its cure.

use std::{io, net::IpAddr, path::PathBuf};

use ipnet::IpNet;

/// What can be wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "the configuration {path} cannot be read: {source}; `teiten config init` prints one to start from"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error(
        "the configuration {path} is not valid:\n{source}\n`teiten config init` prints every key with its meaning"
    )]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A port that has none.
    #[error("`samples.ports` names {0}: only ports of tcp and udp can be sampled")]
    SampledPort(crate::pipeline::PortName),
    /// A tool that nobody knows.
    #[error("`samples.tools` names `{name}`, which is no mark of a tool: there are {known}")]
    SampledTool {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A table of probes that cannot be.
    #[error("the table of probes {path}: {source}; docs/samples.md shows its form")]
    Probes {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: sensor_evidence::probe::ProbeError,
    },
    /// No interface was named.
    #[error(
        "no interface is named: add `--interface IF` (`ip -brief link` lists them), or `capture.interfaces`"
    )]
    NoInterface,
    /// An interface was named twice.
    #[error("the interface `{0}` is named twice: name it once")]
    InterfaceTwice(String),
    /// Nothing is watched.
    #[error(
        "nothing is watched: say which addresses are dark, for example\n  teiten run --interface {interface} --watch \
         198.51.100.0/24\nor set `capture.watch` in the configuration; `--watch-host` watches the unused ports of this host itself"
    )]
    NothingWatched {
        /// The interface for the example.
        interface: String,
    },
    /// Both kinds of watching.
    #[error(
        "a host that does other work is watched by `--watch-host`, or a dark network by `--watch`: leave one of them out \
         (`capture.watch_host`, `capture.watch`)"
    )]
    WatchBoth,
    /// Networks of a host that is not watched.
    #[error(
        "`--own-network` (`capture.own_networks`) is for `--watch-host`: leave it out, or watch this host"
    )]
    OwnNetworksOfNoHost,
    /// Dropping on a host at work.
    #[error(
        "`--watch-host` never drops: packets to this host would be lost to it; leave `--verdict` (`capture.verdict`) at `pass`"
    )]
    DropOnHost,
    /// A prefix is none.
    #[error("`{text}` is no network prefix ({cause}): write an address and a length, as in 198.51.100.0/24")]
    BadPrefix {
        /// What was written.
        text: String,
        /// Why it is none.
        cause: String,
    },
    /// The id has other characters, or too many.
    #[error(
        "`{0}` cannot be a sensor id: use 1 to 64 letters, digits, `-`, `_` or `.`, in `sensor.id` or `--id`"
    )]
    BadId(String),
    /// Files are to be shipped, and none are written.
    #[error(
        "`ship.to` is given and `records.directory` is not: say where the records are written that are to be shipped"
    )]
    NothingToShip,
    /// The interval is too short or too long.
    #[error("`kernel.flush_interval` is {0:#}: write something from 100ms to 1h, as in \"10s\"")]
    BadInterval(jiff::SignedDuration),
    /// A number is too small or too large.
    #[error("`{key}` is {value}: write a number from {least} to {most}")]
    OutOfRange {
        /// Which key.
        key: &'static str,
        /// What was written.
        value: u64,
        /// The smallest that works.
        least: u64,
        /// The largest that works.
        most: u64,
    },
    /// A number is not a power of two.
    #[error("`{key}` is {value}, which is no power of two: {near} would be one")]
    NoPowerOfTwo {
        /// Which key.
        key: &'static str,
        /// What was written.
        value: u64,
        /// One nearby.
        near: u64,
    },
    /// More ports are watched than series by region allow.
    #[error("`export.watched_ports` names {count} ports: name at most {most}, each with up to 40 regions")]
    TooManyWatchedPorts {
        /// How many were named.
        count: usize,
        /// How many can be.
        most: usize,
    },
    /// A port is named twice.
    #[error("`export.watched_ports` names {0} twice: name it once")]
    PortTwice(crate::pipeline::PortName),
    /// Dropping would cut the host off.
    #[error(
        "with `--verdict drop`, the watched prefix {prefix} must not hold {address}, {what}: packets to it would be \
         lost to this host; watch other addresses, or leave the verdict at `pass`"
    )]
    OwnAddress {
        /// The prefix.
        prefix: IpNet,
        /// The address in it.
        address: IpAddr,
        /// Whose address it is.
        what: String,
    },
    /// The web configuration cannot be used.
    #[error(transparent)]
    Web(#[from] crate::export::web::WebError),
    /// The host has none to watch.
    #[error(
        "this host has no address but loopback and link-local ones, so `--watch-host` has nothing to watch: give an \
         interface an address first, or name dark prefixes with `--watch`"
    )]
    NoOwnAddress,
    /// The host's addresses cannot be listed, to watch them.
    #[error(
        "this host's own addresses cannot be listed ({0}), so `--watch-host` cannot watch them: name them with `--watch`"
    )]
    HostUnknown(io::Error),
    /// The host's own addresses cannot be listed.
    #[error("this host's own addresses cannot be listed ({0}), so `--verdict drop` is not safe: use `pass`")]
    OwnAddressesUnknown(io::Error),
}
