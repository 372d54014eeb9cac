//! Reading the exact totals: every per-CPU array whole, in one system call where the kernel can.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, OwnedFd},
};

use aya::{
    Ebpf, Pod,
    maps::{Map, MapData, PerCpuArray},
};
use sensor_common::{
    Class, Outcome,
    counters::{
        CLASS_SLOTS, FlowState, ICMP_TYPE_COUNT, INTERFACE_SLOTS, PORT_COUNT, PROTOCOL_COUNT, PortCounters,
        SendBooks, interface_slot,
    },
    names,
};

use super::{
    KernelError,
    sys::{self, Batch},
};
use crate::pipeline::totals::{KernelTotals, LossTotals};

const PORT_WORDS: usize = size_of::<PortCounters>() / size_of::<u64>();
const STATE_WORDS: usize = size_of::<FlowState>() / size_of::<u64>();

/// A per-CPU array whose values are `WORDS` numbers.
pub(super) struct Totals<const WORDS: usize>
where
    [u64; WORDS]: Pod,
{
    name: &'static str,
    /// For kernels that cannot read in batches.
    map: PerCpuArray<MapData, [u64; WORDS]>,
    descriptor: OwnedFd,
    entries: u32,
}

/// The maps of exact totals.
pub struct Counters {
    outcomes: Totals<1>,
    classes: Totals<1>,
    icmp_types: Totals<1>,
    protocols: Totals<1>,
    interfaces: Totals<1>,
    ports: Totals<PORT_WORDS>,
    state: Totals<STATE_WORDS>,
    possible_cpus: usize,
}

impl Counters {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, KernelError> {
        Ok(Self {
            outcomes: Totals::take(ebpf, names::OUTCOMES, Outcome::COUNT)?,
            classes: Totals::take(ebpf, names::CLASSES, CLASS_SLOTS)?,
            icmp_types: Totals::take(ebpf, names::ICMP_TYPES, ICMP_TYPE_COUNT)?,
            protocols: Totals::take(ebpf, names::PROTOCOLS, PROTOCOL_COUNT)?,
            interfaces: Totals::take(ebpf, names::INTERFACES, INTERFACE_SLOTS)?,
            ports: Totals::take(ebpf, names::PORTS, PORT_COUNT)?,
            state: Totals::take(ebpf, names::STATE, 1)?,
            possible_cpus: possible_cpus()? as usize,
        })
    }

    /// Reads everything, added up over the CPUs. `interfaces` are the names and indices of those that counted; a name
    /// may stand there with several.
    ///
    /// # Errors
    /// A map cannot be read.
    pub fn read(&self, interfaces: &[(String, u32)]) -> Result<KernelTotals, KernelError> {
        let by_interface = self.interfaces.read(self.possible_cpus)?;
        let ports = self
            .ports
            .read(self.possible_cpus)?
            .into_iter()
            .map(|[tcp, syn, mirai, udp]| PortCounters { tcp, syn, mirai, udp })
            .collect();
        let classes = self.classes.read(self.possible_cpus)?;
        Ok(KernelTotals {
            outcomes: self.outcomes.read(self.possible_cpus)?.into_flattened(),
            classes: Class::ALL.map(|class| classes[class as usize][0]),
            icmp_types: self.icmp_types.read(self.possible_cpus)?.into_flattened(),
            protocols: self.protocols.read(self.possible_cpus)?.into_flattened(),
            interfaces: by_name(
                interfaces
                    .iter()
                    .map(|(name, index)| (name.clone(), by_interface[interface_slot(*index) as usize][0])),
            ),
            ports,
            losses: self.read_losses()?,
        })
    }

    fn read_losses(&self) -> Result<LossTotals, KernelError> {
        let mut losses = LossTotals::default();
        for [words] in self.state.read_each_cpu(self.possible_cpus)?.as_chunks::<1>().0 {
            let state = flow_state(words);
            for books in [state.path, state.flush] {
                losses.lost_records += books.lost_records;
                losses.lost_packets += books.lost_packets;
            }
            losses.bypassed_packets += state.bypassed;
            losses.markers_missed += state.markers_missed;
        }
        Ok(losses)
    }
}

fn flow_state(words: &[u64; STATE_WORDS]) -> FlowState {
    let books = |at: usize| SendBooks {
        attempted_records: words[at],
        attempted_packets: words[at + 1],
        lost_records: words[at + 2],
        lost_packets: words[at + 3],
    };
    FlowState {
        flushing: words[0],
        path: books(1),
        flush: books(5),
        bypassed: words[9],
        markers_missed: words[10],
        markers: words[11],
        stayed: words[12],
        marks: words[13],
    }
}

impl<const WORDS: usize> Totals<WORDS>
where
    [u64; WORDS]: Pod,
{
    pub(super) fn take(ebpf: &mut Ebpf, name: &'static str, entries: usize) -> Result<Self, KernelError> {
        let map: Map = ebpf
            .take_map(name)
            .ok_or(KernelError::Missing { what: "map", name })?;
        let Map::PerCpuArray(data) = &map else {
            return Err(KernelError::Missing {
                what: "per-CPU array",
                name,
            });
        };
        let descriptor = data.fd().as_fd().try_clone_to_owned();
        Ok(Self {
            name,
            descriptor: descriptor.map_err(|source| KernelError::MapRead { name, source })?,
            map: map.try_into().map_err(KernelError::map(name))?,
            entries: u32::try_from(entries).unwrap_or(u32::MAX),
        })
    }

    /// Every entry, added up over the CPUs.
    pub(super) fn read(&self, possible_cpus: usize) -> Result<Vec<[u64; WORDS]>, KernelError> {
        let values = self.read_each_cpu(possible_cpus)?;
        Ok(values.chunks_exact(possible_cpus).map(add_up).collect())
    }

    /// Every entry, by key and then by CPU.
    fn read_each_cpu(&self, possible_cpus: usize) -> Result<Vec<[u64; WORDS]>, KernelError> {
        let mut values = vec![[0; WORDS]; self.entries as usize * possible_cpus];
        let batch = sys::map_lookup_batch(self.descriptor.as_fd(), self.entries, values.as_flattened_mut());
        match batch.map_err(|source| KernelError::MapRead {
            name: self.name,
            source,
        })? {
            Batch::Read => Ok(values),
            Batch::Unsupported => self.read_one_by_one(values, possible_cpus),
        }
    }

    fn read_one_by_one(
        &self,
        mut values: Vec<[u64; WORDS]>,
        possible_cpus: usize,
    ) -> Result<Vec<[u64; WORDS]>, KernelError> {
        for (key, entry) in (0..self.entries).zip(values.chunks_exact_mut(possible_cpus)) {
            let each = self.map.get(&key, 0).map_err(KernelError::map(self.name))?;
            for (value, cpu) in entry.iter_mut().zip(each.iter()) {
                *value = *cpu;
            }
        }
        Ok(values)
    }
}

/// Adds up what one name counted under several numbers: an interface that is made again has a new one.
fn by_name(counts: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut sums = BTreeMap::new();
    for (name, packets) in counts {
        *sums.entry(name).or_insert(0_u64) += packets;
    }
    sums.into_iter().collect()
}

fn add_up<const WORDS: usize>(each_cpu: &[[u64; WORDS]]) -> [u64; WORDS] {
    let mut sum = [0_u64; WORDS];
    for cpu in each_cpu {
        for (sum, value) in sum.iter_mut().zip(cpu) {
            *sum = sum.wrapping_add(*value);
        }
    }
    sum
}

/// CPUs that this machine could ever have: per-CPU maps hold a value for each.
///
/// # Errors
/// The system does not say.
pub fn possible_cpus() -> Result<u32, KernelError> {
    let count = aya::util::nr_cpus().map_err(|(path, source)| KernelError::System {
        path: path.into(),
        source,
    })?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_state_are_its_fields() {
        let words: [u64; STATE_WORDS] = std::array::from_fn(|place| place as u64);
        let state = flow_state(&words);
        let offsets = [
            (std::mem::offset_of!(FlowState, flushing), state.flushing),
            (
                std::mem::offset_of!(FlowState, path),
                state.path.attempted_records,
            ),
            (
                std::mem::offset_of!(FlowState, path) + std::mem::offset_of!(SendBooks, lost_packets),
                state.path.lost_packets,
            ),
            (
                std::mem::offset_of!(FlowState, flush),
                state.flush.attempted_records,
            ),
            (std::mem::offset_of!(FlowState, bypassed), state.bypassed),
            (
                std::mem::offset_of!(FlowState, markers_missed),
                state.markers_missed,
            ),
            (std::mem::offset_of!(FlowState, markers), state.markers),
            (std::mem::offset_of!(FlowState, stayed), state.stayed),
            (std::mem::offset_of!(FlowState, marks), state.marks),
        ];
        for (offset, value) in offsets {
            assert_eq!(value, (offset / 8) as u64);
        }
    }
}
