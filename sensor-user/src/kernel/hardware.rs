//! What is known of an interface before anything is attached to it.

use std::io;

use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};

use super::{Mode, holder, netdev, sys::ethtool};
pub use super::{
    netdev::XdpFeatures,
    sys::ethtool::{Channels, Offloads},
};

/// An interface as it is now. What its driver does not say is missing.
#[derive(Clone, Debug)]
pub struct Hardware {
    /// Whether it is switched on (`ip link set … up`).
    pub up: bool,
    /// Whether it lets frames to all Ethernet addresses in.
    pub promiscuous: bool,
    /// The greatest packet in octets, without the Ethernet header.
    pub mtu: u32,
    /// The driver's name.
    pub driver: Option<String>,
    /// XDP that the driver supports; Linux 6.3 is the first that says.
    pub xdp: Option<XdpFeatures>,
    /// Its queues.
    pub channels: Option<Channels>,
    /// What it does to packets.
    pub offloads: Option<Offloads>,
    /// The XDP program on it.
    pub program: Option<Holder>,
}

/// An XDP program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The program's number.
    pub id: u32,
    /// Its number and, where this process may ask for it, its name, as a message has it.
    pub described: String,
    /// Whether it runs in the network stack, not in the driver.
    pub generic: bool,
}

impl Hardware {
    /// Looks at the interface of this index and name.
    ///
    /// # Errors
    /// There is none, or the kernel does not say.
    pub fn look(index: u32, name: &str) -> io::Result<Self> {
        let link = holder::link_message(index)?;
        let here = holder::read(&link);
        let mtu = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(*mtu),
            _ => None,
        });
        Ok(Self {
            up: here.up,
            promiscuous: is_promiscuous(&link),
            mtu: mtu.unwrap_or(0),
            driver: ethtool::driver(name).ok(),
            xdp: netdev::xdp_features(index)?,
            channels: ethtool::channels(name).ok(),
            offloads: ethtool::offloads(name).ok(),
            program: here.program.map(|id| Holder {
                id,
                described: holder::describe(id),
                generic: here.mode == Some(Mode::Generic),
            }),
        })
    }
}

/// By flag, or because somebody captures from it.
fn is_promiscuous(link: &LinkMessage) -> bool {
    let captured = link
        .attributes
        .iter()
        .any(|attribute| matches!(attribute, LinkAttribute::Promiscuity(count) if *count > 0));
    captured || link.header.flags.contains(LinkFlags::Promisc)
}
