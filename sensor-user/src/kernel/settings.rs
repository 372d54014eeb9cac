//! What the program is told before its first packet: its constants, which are frozen in it, and the lists of addresses.

use aya::{
    Ebpf,
    maps::{Array, LpmTrie, lpm_trie::Key},
};
use ipnet::IpNet;
use sensor_common::{
    Address,
    config::{KernelConfig, LAYOUT_VERSION},
    names, watch,
};

use super::{KernelError, LoadOptions, WatchList};

pub(super) fn kernel_config(options: &LoadOptions, watch: &WatchList) -> KernelConfig {
    KernelConfig {
        layout_version: LAYOUT_VERSION,
        verdict: options.verdict as u32,
        flow_mask: options.flow_slots - 1,
        watch_v6: u32::from(!watch.v6().is_empty()),
        wake_bytes: u64::from(options.ring_bytes) / 4,
        seed: options.seed,
        watch_host: u32::from(options.host.is_some()),
        own_networks: u32::from(!options.own_networks().is_empty()),
    }
}

/// The configuration as the bytes of the global, field by field in the order of the `repr(C)` structure.
pub(super) fn config_bytes(config: &KernelConfig) -> [u8; size_of::<KernelConfig>()] {
    let mut bytes = [0; size_of::<KernelConfig>()];
    let fields = [
        config.layout_version,
        config.verdict,
        config.flow_mask,
        config.watch_v6,
    ];
    let wide = [config.wake_bytes, config.seed];
    let behind = [config.watch_host, config.own_networks];
    let octets = fields
        .iter()
        .flat_map(|field| field.to_ne_bytes())
        .chain(wide.iter().flat_map(|field| field.to_ne_bytes()))
        .chain(behind.iter().flat_map(|field| field.to_ne_bytes()));
    for (place, octet) in bytes.iter_mut().zip(octets) {
        *place = octet;
    }
    bytes
}

/// The level as `aya-log-ebpf` numbers it.
pub(super) fn log_level_number(level: log::LevelFilter) -> u8 {
    match level {
        log::LevelFilter::Off => 0,
        log::LevelFilter::Error => 1,
        log::LevelFilter::Warn => 2,
        log::LevelFilter::Info => 3,
        log::LevelFilter::Debug => 4,
        log::LevelFilter::Trace => 5,
    }
}

pub(super) fn write_watch_list(ebpf: &mut Ebpf, list: &WatchList) -> Result<(), KernelError> {
    let name = names::WATCH_INDEX;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut index: Array<_, watch::Index> = map.try_into().map_err(KernelError::map(name))?;
    index.set(0, list.index(), 0).map_err(KernelError::map(name))?;

    let name = names::WATCH_BLOCKS;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut blocks: Array<_, watch::Block> = map.try_into().map_err(KernelError::map(name))?;
    for (place, block) in (0..).zip(list.blocks()) {
        blocks.set(place, **block, 0).map_err(KernelError::map(name))?;
    }

    let name = names::WATCH_V6;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut prefixes: LpmTrie<_, [u8; 16], u8> = map.try_into().map_err(KernelError::map(name))?;
    for prefix in list.v6() {
        let key = Key::new(prefix.prefix_len().into(), prefix.network().octets());
        prefixes.insert(&key, 1, 0).map_err(KernelError::map(name))?;
    }
    Ok(())
}

/// IPv4 prefixes in their mapped form, behind the 96 bits in front of every such address.
pub(super) fn write_own_networks(ebpf: &mut Ebpf, networks: &[IpNet]) -> Result<(), KernelError> {
    if networks.is_empty() {
        return Ok(());
    }
    let name = names::OWN_NETWORKS;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut prefixes: LpmTrie<_, [u8; 16], u8> = map.try_into().map_err(KernelError::map(name))?;
    for network in networks {
        let address = Address::from(network.network());
        let octets = (u128::from(address.high) << 64 | u128::from(address.low)).to_be_bytes();
        let in_front = if network.addr().is_ipv4() { 96 } else { 0 };
        let key = Key::new(in_front + u32::from(network.prefix_len()), octets);
        prefixes.insert(&key, 1, 0).map_err(KernelError::map(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_laid_out_as_the_program_reads_it() {
        let config = KernelConfig {
            layout_version: 0x0102_0304,
            verdict: 1,
            flow_mask: 16_383,
            watch_v6: 1,
            wake_bytes: 4 << 20,
            seed: 0x1122_3344_5566_7788,
            watch_host: 0x0506_0708,
            own_networks: 0x090a_0b0c,
        };
        let bytes = config_bytes(&config);
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, flow_mask)..][..4],
            16_383_u32.to_ne_bytes()
        );
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, seed)..][..8],
            config.seed.to_ne_bytes()
        );
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, watch_host)..][..4],
            config.watch_host.to_ne_bytes()
        );
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, own_networks)..][..4],
            config.own_networks.to_ne_bytes()
        );
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, wake_bytes)..][..8],
            (4_u64 << 20).to_ne_bytes()
        );
    }
}
