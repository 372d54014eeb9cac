//! Devices: which domestic sources with the Mirai mark a list knows.

use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
};

use sensor_common::Address;
use sensor_records::{Place, Table};
use sensor_sketch::{Distinct, SourceKey};

use super::{Progress, cube::MIRAI, frame::Frame, keys::RegionId};
use crate::{
    lists::{Device, DeviceList},
    model::{DeviceKind, Devices},
    scan::{Columns, ScanError, Unreadable, scan, value},
    store::Store,
};

/// Kinds of devices that are told.
const MOST_KINDS: usize = 10;
const COLUMNS: [&str; 4] = ["hour", "source", "source_region", "tools"];

/// Sources that were looked up. The list bounds what is remembered; of the others only a sketch is.
#[derive(Default)]
struct Part {
    matched: HashSet<IpAddr>,
    sources: Distinct,
}

/// Looks the sources of a period up, on the sensors that are wanted.
pub(crate) fn devices(
    store: &Store,
    frame: &Frame,
    is_wanted: &(dyn Fn(&Place) -> bool + Sync),
    domestic: RegionId,
    list: &DeviceList,
    progress: &dyn Progress,
) -> Result<(Devices, Vec<Unreadable>), ScanError> {
    let mut files = store.files(Table::Sources, frame.utc_days())?;
    files.retain(is_wanted);
    progress.expect(files.len());
    let (from, to) = frame.seconds();
    let key = SourceKey::public();
    let fold = |part: &mut Part, _: &Place, columns: Columns<'_>| {
        rows(columns, from..to, domestic, |address| {
            part.sources.insert(key.hash(hashed(address)).coupon());
            if list.of(address).is_some() {
                part.matched.insert(address);
            }
        })
    };
    let found = scan::<Part>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let sources = Distinct::union(found.parts.iter().map(|part| &part.sources));
    let matched: HashSet<IpAddr> = found.parts.into_iter().flat_map(|part| part.matched).collect();
    let devices = Devices {
        listed: list.len() as u64,
        sources: sources.estimate(),
        matched: matched.len() as u64,
        kinds: kinds(&matched, list),
    };
    Ok((devices, found.unreadable))
}

/// Tells the address of each domestic source with the mark.
fn rows(
    columns: Columns<'_>,
    period: std::ops::Range<i64>,
    domestic: RegionId,
    mut told: impl FnMut(IpAddr),
) -> Result<(), String> {
    let (hour, source) = (columns.times("hour")?, columns.text("source")?);
    let (region, tools) = (columns.text("source_region")?, columns.small("tools")?);
    for row in 0..columns.0.num_rows() {
        let has_mark =
            value(tools, row, arrow_array::Int32Array::value).is_some_and(|tools| tools & MIRAI != 0);
        let is_domestic = RegionId::of_row(value(region, row, arrow_array::StringArray::value)) == domestic;
        let is_in = period.contains(&hour.value(row).div_euclid(1_000_000));
        if has_mark && is_domestic && is_in {
            let address = value(source, row, arrow_array::StringArray::value);
            if let Some(Ok(address)) = address.map(str::parse::<IpAddr>) {
                told(address.to_canonical());
            }
        }
    }
    Ok(())
}

fn hashed(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(address) => Address::v4(u32::from(address)),
        IpAddr::V6(address) => Address::v6(address.octets()),
    }
}

fn kinds(matched: &HashSet<IpAddr>, list: &DeviceList) -> Vec<DeviceKind> {
    let mut counts: BTreeMap<&Device, u64> = BTreeMap::new();
    for device in matched.iter().filter_map(|address| list.of(*address)) {
        *counts.entry(device).or_default() += 1;
    }
    let mut kinds: Vec<_> = counts
        .into_iter()
        .map(|(device, sources)| DeviceKind {
            vendor: device.vendor.clone(),
            model: device.model.clone(),
            sources,
        })
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.sources));
    kinds.truncate(MOST_KINDS);
    kinds
}
