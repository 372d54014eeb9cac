//! Test networks: namespaces joined by veth pairs, where a dark prefix ends at the sensor.
//!
//! ```text
//!  sender's namespace                          sensor's namespace (may be the same)
//!  tx, 192.0.2.1/24  ═════════ veth ═════════  rx, no address
//!      198.51.100.0/24 via 192.0.2.2, whose neighbour entry is rx
//! ```
//! Whatever a program in the sender's namespace sends to the dark prefix arrives at `rx`, and nothing else does:
//! IPv6 is off on both ends, and the neighbour entry is permanent.

mod door;
mod lock;
mod namespace;
mod registry;

use std::{io, net::Ipv4Addr, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};
use nix::net::if_::if_nametoindex;

pub use door::Door;
pub use lock::{Lab, LabLock};
pub use namespace::Namespace;

/// The sender's address, in 192.0.2.0/24 (TEST-NET-1, RFC 5737).
pub const SENDER_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The next hop towards the dark prefix. No interface holds this address; its neighbour entry is the sensor's end.
pub const NEXT_HOP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The dark prefix that is routed to the sensor: TEST-NET-2, RFC 5737.
pub const DARK_PREFIX: &str = "198.51.100.0/24";

/// The sending end's name.
const TX: &str = "tx";
/// The sensor's end's name.
const RX: &str = "rx";
/// Locally administered addresses (IEEE 802), the same in every network, so that captures compare.
const TX_MAC: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0x00, 0x01];
const RX_MAC: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0x00, 0x02];
/// Receive and transmit queues of each end.
const QUEUES: u32 = 2;

/// One end of a veth pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, within its namespace.
    pub name: &'static str,
    /// Its index, within its namespace.
    pub index: u32,
    /// Its Ethernet address.
    pub mac: [u8; 6],
}

impl Interface {
    /// The Ethernet address as tools take it: `02:00:00:00:00:01`.
    #[must_use]
    pub fn mac_text(&self) -> String {
        mac_text(self.mac)
    }
}

fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}

/// A test network. Dropping it removes its namespaces and kills what still runs in them.
#[derive(Debug)]
pub struct Network {
    sender: Namespace,
    /// Nothing when both ends share a namespace.
    sensor: Option<Namespace>,
    tx: Interface,
    rx: Interface,
    // Dropped last: the next lab must not start before the namespaces are gone.
    _lock: LabLock,
}

impl Network {
    /// One namespace, `teiten-NAME`, that holds both ends.
    ///
    /// # Errors
    /// Without root, without iproute2, or when the name is taken or longer than a namespace's may be.
    pub fn veth(lock: &LabLock, name: &str) -> Result<Self> {
        let namespace = Namespace::make(name)?;
        Self::join(lock, namespace, None)
    }

    /// Two namespaces, `teiten-NAME-sender` with `tx` and `teiten-NAME-sensor` with `rx`.
    ///
    /// # Errors
    /// As [`Self::veth`].
    pub fn pair(lock: &LabLock, name: &str) -> Result<Self> {
        let sender = Namespace::make(&format!("{name}-sender"))?;
        let sensor = Namespace::make(&format!("{name}-sensor"))?;
        Self::join(lock, sender, Some(sensor))
    }

    fn join(lock: &LabLock, sender: Namespace, sensor: Option<Namespace>) -> Result<Self> {
        let there = sensor.as_ref().unwrap_or(&sender);
        let (tx_mac, rx_mac, queues) = (mac_text(TX_MAC), mac_text(RX_MAC), QUEUES.to_string());
        let queues = ["numrxqueues", &queues, "numtxqueues", &queues];
        let near = [
            &["link", "add", "name", TX, "address", &tx_mac],
            queues.as_slice(),
        ]
        .concat();
        let far = [
            &["type", "veth", "peer", "name", RX, "address", &rx_mac],
            queues.as_slice(),
        ]
        .concat();
        sender.ip(&[near, far, vec!["netns", there.name()]].concat())?;
        there.ip(&["link", "set", "dev", RX, "up"])?;
        sender.ip(&["link", "set", "dev", TX, "up"])?;

        sender.ip(&["address", "add", &format!("{SENDER_ADDRESS}/24"), "dev", TX])?;
        let next_hop = NEXT_HOP.to_string();
        sender.ip(&[
            "neighbour",
            "add",
            &next_hop,
            "lladdr",
            &rx_mac,
            "dev",
            TX,
            "nud",
            "permanent",
        ])?;
        sender.ip(&["route", "add", DARK_PREFIX, "via", &next_hop])?;

        let tx = interface(&sender, TX, TX_MAC)?;
        let rx = interface(there, RX, RX_MAC)?;
        Ok(Self {
            sender,
            sensor,
            tx,
            rx,
            _lock: lock.clone(),
        })
    }

    /// Sets the greatest packet, in octets without the Ethernet header, on both ends.
    ///
    /// # Errors
    /// When the kernel refuses it: below 68, above 65,535, or too much for an attached XDP program.
    pub fn set_mtu(&self, octets: u32) -> Result<()> {
        let octets = octets.to_string();
        self.sensor().ip(&["link", "set", "dev", RX, "mtu", &octets])?;
        self.sender().ip(&["link", "set", "dev", TX, "mtu", &octets])
    }

    /// The sending end.
    #[must_use]
    pub const fn tx(&self) -> Interface {
        self.tx
    }

    /// The sensor's end.
    #[must_use]
    pub const fn rx(&self) -> Interface {
        self.rx
    }

    /// Where `tx` and the route to the dark prefix are.
    #[must_use]
    pub const fn sender(&self) -> &Namespace {
        &self.sender
    }

    /// Where `rx` is.
    #[must_use]
    pub fn sensor(&self) -> &Namespace {
        self.sensor.as_ref().unwrap_or(&self.sender)
    }

    /// The file that stands for the sensor's namespace.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.sensor().path()
    }

    /// Runs a closure within the sensor's namespace, see [`Namespace::enter`].
    ///
    /// # Errors
    /// As [`Namespace::enter`].
    pub fn enter<T: Send>(&self, closure: impl FnOnce() -> T + Send) -> io::Result<T> {
        self.sensor().enter(closure)
    }

    /// A program to be started within the sensor's namespace, see [`Namespace::command`].
    ///
    /// # Errors
    /// As [`Namespace::command`].
    pub fn command(&self, program: &str) -> io::Result<Command> {
        self.sensor().command(program)
    }

    /// Packets that arrived at the sensor's end, as its driver counts them.
    ///
    /// # Errors
    /// When the kernel's counter cannot be read.
    pub fn received(&self) -> Result<u64> {
        self.enter(|| received_by(RX))?
    }
}

fn interface(namespace: &Namespace, name: &'static str, mac: [u8; 6]) -> Result<Interface> {
    let index = namespace
        .enter(|| if_nametoindex(name))?
        .with_context(|| format!("{name} has no index in {}", namespace.name()))?;
    Ok(Interface { name, index, mac })
}

/// The second figure of the interface's line in `/proc/thread-self/net/dev`: `rx: BYTES PACKETS …`.
fn received_by(name: &str) -> Result<u64> {
    let path = "/proc/thread-self/net/dev";
    let table = std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
    let packets = table
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(interface, _)| interface.trim() == name)
        .and_then(|(_, figures)| figures.split_whitespace().nth(1)?.parse().ok());
    match packets {
        Some(packets) => Ok(packets),
        None => bail!("{path} has no line for {name}"),
    }
}
