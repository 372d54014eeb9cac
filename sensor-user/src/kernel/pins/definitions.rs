//! What pinned maps must be like: a map is taken up by its name alone, so its definition is compared here.

use std::path::Path;

use aya::{
    Ebpf,
    maps::{Map, MapInfo, MapType},
};
use sensor_common::{
    Outcome,
    counters::{
        CLASS_SLOTS, FlowState, ICMP_TYPE_COUNT, INTERFACE_SLOTS, PORT_COUNT, PROTOCOL_COUNT, PortCounters,
    },
    names,
    record::RECORD_BYTES,
};

use crate::kernel::{KernelError, ledger, memory::STAGE_BYTES, refusal::innermost};

/// What a map must be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    /// Its name, in the object and as a pin.
    pub(crate) name: &'static str,
    kind: MapType,
    key_bytes: usize,
    value_bytes: usize,
    /// `None` where the operator decides.
    entries: Option<usize>,
}

const fn per_cpu(name: &'static str, value_bytes: usize, entries: Option<usize>) -> Definition {
    Definition {
        name,
        kind: MapType::PerCpuArray,
        key_bytes: size_of::<u32>(),
        value_bytes,
        entries,
    }
}

/// The maps that outlive the daemon. Watch lists do not: they change with the program.
pub(crate) const PINNED_MAPS: [Definition; 10] = [
    per_cpu(names::OUTCOMES, size_of::<u64>(), Some(Outcome::COUNT)),
    per_cpu(names::PORTS, size_of::<PortCounters>(), Some(PORT_COUNT)),
    per_cpu(names::ICMP_TYPES, size_of::<u64>(), Some(ICMP_TYPE_COUNT)),
    per_cpu(names::PROTOCOLS, size_of::<u64>(), Some(PROTOCOL_COUNT)),
    per_cpu(names::CLASSES, size_of::<u64>(), Some(CLASS_SLOTS)),
    per_cpu(names::INTERFACES, size_of::<u64>(), Some(INTERFACE_SLOTS)),
    per_cpu(names::FLOWS, RECORD_BYTES, None),
    per_cpu(names::STAGE, STAGE_BYTES, Some(1)),
    per_cpu(names::STATE, size_of::<FlowState>(), Some(1)),
    Definition {
        name: names::RECORDS,
        kind: MapType::RingBuf,
        key_bytes: 0,
        value_bytes: 0,
        entries: None,
    },
];

impl Definition {
    /// Why the map does not fit, if so.
    fn misfit(&self, info: &MapInfo) -> Option<String> {
        let found = (
            info.map_type().ok(),
            info.key_size() as usize,
            info.value_size() as usize,
        );
        if found != (Some(self.kind), self.key_bytes, self.value_bytes) {
            return Some(format!(
                "a {} with keys of {} and values of {} octets, and not a {:?} with {} and {}",
                found
                    .0
                    .map_or("map of unknown kind".to_owned(), |kind| format!("{kind:?}")),
                found.1,
                found.2,
                self.kind,
                self.key_bytes,
                self.value_bytes
            ));
        }
        match self.entries {
            Some(entries) if entries != info.max_entries() as usize => Some(format!(
                "it has {} entries, and not {entries}",
                info.max_entries()
            )),
            _ => None,
        }
    }
}

/// Checks that every map is pinned below `folder`, and is what it must be.
pub(super) fn check_pins(folder: &Path) -> Result<(), KernelError> {
    let damaged = |what| KernelError::PinsDamaged {
        folder: folder.to_owned(),
        what,
    };
    for definition in PINNED_MAPS {
        let path = folder.join(definition.name);
        let info = MapInfo::from_pin(&path).map_err(|error| {
            damaged(format!(
                "`{}` cannot be opened as a map ({})",
                definition.name,
                innermost(&error)
            ))
        })?;
        if let Some(misfit) = definition.misfit(&info) {
            return Err(damaged(format!("`{}`: {misfit}", definition.name)));
        }
    }
    if !folder.join(ledger::NAME).exists() {
        return Err(damaged(format!("`{}` is missing", ledger::NAME)));
    }
    Ok(())
}

/// Entries of a map that is pinned below `folder`.
pub(crate) fn pinned_entries(folder: &Path, name: &'static str) -> Result<u32, KernelError> {
    let info = MapInfo::from_pin(folder.join(name)).map_err(KernelError::map(name))?;
    Ok(info.max_entries())
}

/// Checks that the maps of a loaded object are what pinned ones must be: object and daemon are of one layout.
pub(crate) fn verify(ebpf: &Ebpf) -> Result<(), KernelError> {
    for definition in PINNED_MAPS {
        let name = definition.name;
        let Some(Map::PerCpuArray(data) | Map::RingBuf(data)) = ebpf.map(name) else {
            return Err(KernelError::Missing { what: "map", name });
        };
        let info = data.info().map_err(KernelError::map(name))?;
        if let Some(misfit) = definition.misfit(&info) {
            return Err(KernelError::OtherObject { name, misfit });
        }
    }
    Ok(())
}
