//! Samples on the kernel's side: what the program is told to sample, and the ring that they come through.

use std::os::fd::{AsFd as _, OwnedFd};

use aya::{
    Ebpf,
    maps::{Array, MapData, RingBuf},
};
use sensor_common::{
    ToolSet, names,
    sample::{
        PORT_ENTRIES, PortBits, SOURCE_BUCKETS, SampleHead, SampleState, SamplingConfig, port_bit, port_entry,
    },
};

use super::{
    KernelError, RingReader, Sensor,
    counters::{Totals, possible_cpus},
};

/// The smallest ring that the kernel has.
const LEAST_RING_BYTES: u32 = 4096;
const STATE_WORDS: usize = size_of::<SampleState>() / size_of::<u64>();
const NANOSECONDS: u64 = 1_000_000_000;

/// Samples in so many seconds, in the long run, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Samples a second; at least 1.
    pub rate: u32,
    /// Samples at once; at least 1.
    pub burst: u32,
}

impl Limit {
    fn period(self) -> u64 {
        NANOSECONDS / u64::from(self.rate.max(1))
    }

    fn ahead(self) -> u64 {
        self.period() * u64::from(self.burst.saturating_sub(1))
    }
}

/// Which packets are sampled, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Octets of a frame, from 64 to [`MOST_HEAD_BYTES`](sensor_common::sample::MOST_HEAD_BYTES).
    pub head_bytes: u32,
    /// Packets to these ports.
    pub ports: Vec<(sensor_common::Transport, u16)>,
    /// Packets with any of these marks.
    pub tools: ToolSet,
    /// One in so many packets; 0: none by chance.
    pub one_in: u32,
    /// Of each CPU.
    pub each_cpu: Limit,
    /// Of each source, on each CPU.
    pub each_source: Limit,
    /// Size of the ring of samples in bytes; a power of two, and whole pages.
    pub ring_bytes: u32,
}

/// The kernel's books of samples, all CPUs together: `chosen` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleTotals {
    /// Packets for which there was a reason.
    pub chosen: u64,
    /// Of those, sent to user space.
    pub taken: u64,
    /// Of those, beyond the limit of a CPU.
    pub over_rate: u64,
    /// Of those, beyond the limit of their source.
    pub over_source: u64,
    /// Of those, refused by the ring.
    pub over_ring: u64,
}

/// The reading end of the samples.
pub struct Samples {
    /// The samples themselves, as [`sample`] reads them.
    pub ring: RingReader,
    state: Totals<STATE_WORDS>,
    possible_cpus: usize,
}

impl Samples {
    /// The books.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn totals(&self) -> Result<SampleTotals, KernelError> {
        let state = self.state.read(self.possible_cpus)?;
        let [
            _due,
            chosen,
            taken,
            over_rate,
            over_source,
            over_ring,
            _reasons,
            _bucket,
        ] = state.first().copied().unwrap_or_default();
        Ok(SampleTotals {
            chosen,
            taken,
            over_rate,
            over_source,
            over_ring,
        })
    }
}

impl Sensor {
    /// The reading end of the samples. Once.
    ///
    /// # Errors
    /// It was taken before, or it cannot be mapped.
    pub fn take_samples(&mut self, sampling: &Sampling) -> Result<Samples, KernelError> {
        let name = names::SAMPLES;
        let map = self
            .ebpf
            .take_map(name)
            .ok_or(KernelError::Missing { what: "map", name })?;
        let ring: RingBuf<MapData> = map.try_into().map_err(KernelError::map(name))?;
        let descriptor: OwnedFd = ring.as_fd().try_clone_to_owned().map_err(KernelError::Ring)?;
        Ok(Samples {
            ring: RingReader::new(descriptor, sampling.ring_bytes).map_err(KernelError::Ring)?,
            state: Totals::take(&mut self.ebpf, names::SAMPLE_STATE, 1)?,
            possible_cpus: possible_cpus()? as usize,
        })
    }
}

/// Head and octets of an entry of the ring; `None` for what the program cannot have written.
#[must_use]
pub fn sample(entry: &[u8]) -> Option<(SampleHead, &[u8])> {
    let (head, frame) = entry.split_at_checked(size_of::<SampleHead>())?;
    let word = |at: usize| {
        head.get(at..)?
            .first_chunk()
            .map(|word| u32::from_ne_bytes(*word))
    };
    let head = SampleHead {
        nanoseconds: head.first_chunk().map(|word| u64::from_ne_bytes(*word))?,
        interface: word(8)?,
        wire_bytes: word(12)?,
        captured: word(16)?,
        reasons: word(20)?,
    };
    Some((head, frame.get(..head.captured as usize)?))
}

/// Size of the ring; the smallest that there is where nothing is sampled.
pub(super) fn ring_bytes(sampling: Option<&Sampling>) -> u32 {
    sampling.map_or(LEAST_RING_BYTES, |sampling| sampling.ring_bytes)
}

/// Entries of the limits by source.
pub(super) fn source_buckets(sampling: Option<&Sampling>) -> u32 {
    sampling.map_or(1, |_| SOURCE_BUCKETS)
}

/// The global as its bytes, field by field in the order of the `repr(C)` structure.
pub(super) fn config_bytes(sampling: Option<&Sampling>) -> [u8; size_of::<SamplingConfig>()] {
    let config = sampling.map_or(SamplingConfig::OFF, config);
    let narrow = [config.head_bytes, config.tools, config.one_in, config.ports];
    let wide = [
        config.cpu_period,
        config.cpu_burst,
        config.source_period,
        config.source_burst,
    ];
    let octets = narrow
        .iter()
        .flat_map(|field| field.to_ne_bytes())
        .chain(wide.iter().flat_map(|field| field.to_ne_bytes()));
    let mut bytes = [0; size_of::<SamplingConfig>()];
    for (place, octet) in bytes.iter_mut().zip(octets) {
        *place = octet;
    }
    bytes
}

fn config(sampling: &Sampling) -> SamplingConfig {
    SamplingConfig {
        head_bytes: sampling.head_bytes,
        tools: sampling.tools.marks().0.into(),
        one_in: sampling.one_in,
        ports: u32::from(!sampling.ports.is_empty()),
        cpu_period: sampling.each_cpu.period(),
        cpu_burst: sampling.each_cpu.ahead(),
        source_period: sampling.each_source.period(),
        source_burst: sampling.each_source.ahead(),
    }
}

/// Writes the ports that are sampled.
pub(super) fn write_ports(ebpf: &mut Ebpf, sampling: Option<&Sampling>) -> Result<(), KernelError> {
    let Some(sampling) = sampling else {
        return Ok(());
    };
    let name = names::SAMPLE_PORTS;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut ports: Array<_, PortBits> = map.try_into().map_err(KernelError::map(name))?;
    let mut bits = [[0; sensor_common::sample::PORT_WORDS]; PORT_ENTRIES];
    for (transport, port) in &sampling.ports {
        if let Some(entry) = port_entry(*transport) {
            let (word, bit) = port_bit(*port);
            bits[entry as usize][word] |= 1 << bit;
        }
    }
    for (entry, bits) in (0..).zip(bits) {
        ports.set(entry, bits, 0).map_err(KernelError::map(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_is_laid_out_as_the_program_reads_it() {
        let sampling = Sampling {
            head_bytes: 0x0102_0304,
            ports: vec![(sensor_common::Transport::Udp, 5060)],
            tools: ToolSet::MIRAI,
            one_in: 0x0506_0708,
            each_cpu: Limit { rate: 4, burst: 3 },
            each_source: Limit { rate: 10, burst: 1 },
            ring_bytes: 4096,
        };
        let bytes = config_bytes(Some(&sampling));
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        let wide = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!(
            word(std::mem::offset_of!(SamplingConfig, head_bytes)),
            0x0102_0304
        );
        assert_eq!(
            word(std::mem::offset_of!(SamplingConfig, tools)),
            u32::from(ToolSet::MIRAI.0)
        );
        assert_eq!(word(std::mem::offset_of!(SamplingConfig, one_in)), 0x0506_0708);
        assert_eq!(word(std::mem::offset_of!(SamplingConfig, ports)), 1);
        assert_eq!(
            wide(std::mem::offset_of!(SamplingConfig, cpu_period)),
            250_000_000
        );
        assert_eq!(wide(std::mem::offset_of!(SamplingConfig, cpu_burst)), 500_000_000);
        assert_eq!(
            wide(std::mem::offset_of!(SamplingConfig, source_period)),
            100_000_000
        );
        assert_eq!(wide(std::mem::offset_of!(SamplingConfig, source_burst)), 0);
        assert_eq!(config_bytes(None), [0; 48]);
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_and_no_further() {
        let mut entry = Vec::new();
        entry.extend(7_u64.to_ne_bytes());
        for word in [3_u32, 900, 4, 5] {
            entry.extend(word.to_ne_bytes());
        }
        entry.extend(b"abcd");
        // The ring's entries end on 8 octets.
        entry.extend([0; 4]);
        let (head, frame) = sample(&entry).unwrap();
        assert_eq!(
            (head.nanoseconds, head.interface, head.wire_bytes, head.reasons),
            (7, 3, 900, 5)
        );
        assert_eq!(frame, b"abcd");
        assert!(sample(&entry[..27]).is_none() && sample(&entry[..20]).is_none());
    }
}
