//! What was generated, as the generator counted it.

use sensor_common::generator::PortBooks;

/// Exact counts of generated frames, of all profiles together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Frames by CPU.
    pub frames_by_cpu: Vec<u64>,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// Of those, IPv6.
    pub ipv6: u64,
    /// By destination port, when they were counted.
    pub ports: Option<Vec<PortBooks>>,
}

impl Truth {
    /// Frames of all CPUs.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames_by_cpu.iter().sum()
    }
}
