//! A notice as a bundle of STIX 2.1 (OASIS): an observation for each source and service.

use std::{collections::BTreeSet, hash::Hasher as _, net::IpAddr};

use serde_json::{Value, json};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::{Line, Network, Service, moment};

/// The largest `number_observed` of the standard; what is more stands in further observations.
const MOST_OBSERVED: u64 = 999_999_999;
const TIME: &str = "%Y-%m-%dT%H:%M:%S.%6fZ";

/// The bundle as JSON. The same rows give the same identifiers, so that a notice that is read twice is one.
#[must_use]
pub fn stix(networks: &[Network], sensor: &str) -> Value {
    let identity = identifier("identity", sensor);
    let mut objects = vec![json!({
        "type": "identity", "spec_version": "2.1", "id": identity,
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "name": sensor, "identity_class": "system",
    })];
    let mut known = BTreeSet::new();
    for line in networks.iter().flat_map(|network| &network.lines) {
        let kind = match line.source {
            IpAddr::V4(_) => "ipv4-addr",
            IpAddr::V6(_) => "ipv6-addr",
        };
        let address = identifier(kind, &line.source.to_string());
        if known.insert(line.source) {
            objects.push(json!({
                "type": kind, "spec_version": "2.1", "id": address, "value": line.source.to_string(),
            }));
        }
        let what = format!(
            "{} {} {} {:?} {} {} {}",
            line.source, line.transport, line.class, line.port, line.first, line.last, line.packets
        );
        let traffic = identifier("network-traffic", &what);
        objects.push(network_traffic(line, &traffic, &address));
        let (mut left, mut part) = (line.packets, 0);
        while left > 0 {
            let observed = left.min(MOST_OBSERVED);
            let tags: Vec<_> = [line.class.clone()]
                .into_iter()
                .chain(line.tools.iter().cloned())
                .collect();
            objects.push(json!({
                "type": "observed-data", "spec_version": "2.1",
                "id": identifier("observed-data", &format!("{what} {part}")),
                "created_by_ref": identity,
                "created": moment(line.last, TIME), "modified": moment(line.last, TIME),
                "first_observed": moment(line.first, TIME), "last_observed": moment(line.last, TIME),
                "number_observed": observed, "object_refs": [address, traffic], "labels": tags,
            }));
            left -= observed;
            part += 1;
        }
    }
    for object in &mut objects {
        if let Some(members) = object.as_object_mut() {
            // The standard knows no null.
            members.retain(|_, value| !value.is_null());
        }
    }
    json!({ "type": "bundle", "id": identifier("bundle", &format!("{sensor} {}", objects.len())), "objects": objects })
}

fn network_traffic(line: &Line, identifier: &str, address: &str) -> Value {
    let mut object = json!({
        "type": "network-traffic", "spec_version": "2.1", "id": identifier, "src_ref": address,
        "protocols": [protocol(&line.transport, line.source)],
        "start": moment(line.first, TIME), "end": moment(line.last, TIME), "is_active": false,
        "src_packets": line.packets,
    });
    match line.service() {
        Service::Ports(source, destination) => {
            object["src_port"] = json!(source);
            object["dst_port"] = json!(destination);
        }
        Service::Message(kind, code) => {
            object["extensions"] = json!({
                "icmp-ext": { "icmp_type_hex": format!("{kind:02x}"), "icmp_code_hex": format!("{code:02x}") }
            });
        }
        Service::None => {}
    }
    object
}

/// The name of a protocol as IANA has it, in lower case.
fn protocol(transport: &str, source: IpAddr) -> &str {
    match transport {
        "tcp" | "udp" | "icmp" => transport,
        "icmpv6" => "ipv6-icmp",
        _ if source.is_ipv4() => "ipv4",
        _ => "ipv6",
    }
}

/// An identifier with a UUID of the form of version 4, from what it names.
fn identifier(kind: &str, what: &str) -> String {
    let mut hasher = SipHasher24::new_with_key(b"teiten notice id");
    hasher.write(kind.as_bytes());
    hasher.write(&[0]);
    hasher.write(what.as_bytes());
    let number = hasher.finish128().as_u128();
    let number = number & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{number:032x}");
    format!(
        "{kind}--{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )
}
