//! Ethernet headers and VLAN tags (IEEE 802.3, 802.1Q).

/// `EtherType` numbers (IEEE 802 numbers, IANA).
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// A customer VLAN tag, 802.1Q.
    pub const VLAN: u16 = 0x8100;
    /// A service VLAN tag, 802.1ad.
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// A service VLAN tag before the standard.
    pub const OLD_QINQ: u16 = 0x9100;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// LLDP, 802.1AB.
    pub const LLDP: u16 = 0x88cc;
}

/// A VLAN tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Which kind of tag: see [`ethertype`].
    pub kind: u16,
    /// Priority (3 bits), drop eligibility (1 bit) and VLAN number (12 bits).
    pub control: u16,
}

impl Tag {
    /// An 802.1Q tag for a VLAN number, priority 0.
    #[must_use]
    pub const fn vlan(number: u16) -> Self {
        Self {
            kind: ethertype::VLAN,
            control: number,
        }
    }
}

/// An Ethernet header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// Receiver.
    pub destination: [u8; 6],
    /// Sender.
    pub source: [u8; 6],
    /// Tags, the outermost first.
    pub tags: Vec<Tag>,
}

impl Default for Ethernet {
    fn default() -> Self {
        Self {
            // Locally administered, so that they are nobody's.
            destination: [0x02, 0, 0, 0, 0, 0x02],
            source: [0x02, 0, 0, 0, 0, 0x01],
            tags: Vec::new(),
        }
    }
}

impl Ethernet {
    /// A header with these tags, the outermost first.
    #[must_use]
    pub fn tagged(tags: &[Tag]) -> Self {
        Self {
            tags: tags.to_vec(),
            ..Self::default()
        }
    }

    /// The frame, neither padded nor with a check sequence.
    #[must_use]
    pub fn frame(&self, ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(14 + 4 * self.tags.len() + payload.len());
        frame.extend_from_slice(&self.destination);
        frame.extend_from_slice(&self.source);
        for tag in &self.tags {
            frame.extend_from_slice(&tag.kind.to_be_bytes());
            frame.extend_from_slice(&tag.control.to_be_bytes());
        }
        frame.extend_from_slice(&ethertype.to_be_bytes());
        frame.extend_from_slice(payload);
        frame
    }
}
