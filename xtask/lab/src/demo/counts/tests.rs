//! Counts of a scenario and of a wire whose frames are known.

use std::net::Ipv4Addr;

use super::*;
use crate::{
    frames::{Edit as _, Ethernet, Ipv4, Tcp, Udp, ethertype},
    scenario::{Plan, RegionPool, Scenario},
    watched::Prefixes,
};

fn watched() -> Prefixes {
    Prefixes::parse(&["198.51.100.0/24", "2001:db8:feed::/48"]).unwrap()
}

fn truth() -> Truth {
    let mut plan = Plan::new(3, 20_000, watched().as_slice().to_vec());
    plan.regions = [("JP", [133, 11, 0]), ("US", [8, 8, 8])]
        .map(|(region, [a, b, c])| RegionPool {
            region: region.to_owned(),
            ranges: vec![(Ipv4Addr::new(a, b, c, 0), Ipv4Addr::new(a, b, c, 255))],
        })
        .into();
    let mut scenario = Scenario::new(&plan).unwrap();
    let mut buffer = Vec::new();
    while scenario.next_into(&mut buffer) {}
    scenario.truth().clone()
}

#[test]
fn every_frame_of_the_scenario_is_counted_once_in_each_way() {
    let truth = truth();
    let mut counts = Counts::default();
    counts.add_scenario(&truth);
    let sum = |values: &BTreeMap<String, u64>| values.values().sum::<u64>();
    let observed = |name: &str| counts.outcomes[name];
    assert_eq!((counts.frames, sum(&counts.outcomes)), (20_000, 20_000));
    assert_eq!(sum(&counts.classes), truth.observed());
    let of = |transport| {
        let ports = counts
            .ports
            .iter()
            .filter(move |(port, _)| port.transport == transport);
        ports.map(|(_, count)| count.packets).sum::<u64>()
    };
    assert_eq!(of(Transport::Tcp), observed("observed_tcp"));
    assert_eq!(of(Transport::Udp), observed("observed_udp"));
    assert!(
        of(Transport::Icmp) > observed("observed_icmpv6"),
        "echo requests of both versions"
    );
    let others: u64 = counts.protocols.values().sum();
    assert_eq!(others, observed("observed_other") + observed("observed_fragment"));
    assert_eq!(counts.protocols.keys().copied().collect::<Vec<_>>(), [17, 47]);
    let regions: u64 = counts.regions.values().map(|count| count.packets).sum();
    assert_eq!(regions, truth.observed());
    assert_eq!(counts.regions.keys().collect::<Vec<_>>(), ["JP", "US", "XB"]);
    let pairs: u64 = counts.pairs.values().map(|count| count.packets).sum();
    assert_eq!(pairs, counts.classes["scan"]);
    let marks: u64 = counts.pairs.values().map(|count| count.mirai).sum();
    assert_eq!(marks, counts.mirai);
    assert!(counts.mirai > 0);
}

#[test]
fn the_scanners_wire_is_counted_and_what_else_is_on_it_named() {
    let dark = Ipv4Addr::new(198, 51, 100, 9);
    let mut tally = Tally::default();
    for port in [22, 23, 23] {
        tally.add(&Ipv4::to(dark).frame(Tcp::syn(port)).padded(), &watched());
    }
    tally.add(
        &Ipv4::to(Ipv4Addr::new(203, 0, 113, 9))
            .frame(Tcp::syn(1))
            .padded(),
        &watched(),
    );
    tally.add(&Ethernet::default().frame(ethertype::LLDP, &[0; 50]), &watched());
    let mut counts = Counts::default();
    counts.add_wire(&tally).unwrap();
    assert_eq!(counts.frames, 5);
    let outcomes = ["observed_tcp", "not_watched", "not_ip"].map(|name| counts.outcomes[name]);
    assert_eq!(outcomes, [3, 1, 1]);
    assert_eq!((counts.classes["scan"], counts.regions["XB"].packets), (3, 3));
    assert_eq!(counts.ports[&tcp(23)].syn, 2);
    assert_eq!(counts.pairs[&(tcp(23), "XB".to_owned())].packets, 2);

    tally.add(
        &Ipv4::to(dark).frame(Udp::between(40_000, 53)).padded(),
        &watched(),
    );
    let error = counts.add_wire(&tally).unwrap_err().to_string();
    assert!(error.contains("1 datagrams"), "{error}");
}
