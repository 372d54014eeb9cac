mod readers;

use std::collections::{BTreeMap, HashSet};

use ipnet::IpNet;
use sensor_common::{Class, Family, Outcome, ToolSet, classify::classify_ethernet, counters::PortCounters};

use super::*;
use crate::{tap::Tally, watched::Prefixes};

fn watched() -> Vec<IpNet> {
    ["198.51.100.0/24", "10.99.0.0/16", "2001:db8:feed::/48"]
        .map(|text| text.parse().unwrap())
        .to_vec()
}

fn three_regions() -> Vec<RegionPool> {
    [("CN", 1), ("US", 50), ("JP", 133)]
        .map(|(region, first)| RegionPool {
            region: region.to_owned(),
            ranges: vec![
                ([first, 0, 0, 0].into(), [first, 0, 255, 255].into()),
                ([first, 9, 0, 0].into(), [first, 9, 0, 9].into()),
            ],
        })
        .to_vec()
}

fn plan(packets: u64) -> Plan {
    Plan::new(7, packets, watched())
}

fn each_frame(scenario: &mut Scenario, mut look: impl FnMut(&[u8])) {
    let mut buffer = Vec::new();
    while scenario.next_into(&mut buffer) {
        look(&buffer);
    }
}

/// The truth, found out again by the classifier.
#[derive(Default)]
struct Found {
    outcomes: [u64; Outcome::COUNT],
    classes: BTreeMap<Class, u64>,
    protocols: BTreeMap<u8, u64>,
    ports: BTreeMap<u16, PortCounters>,
    services: BTreeMap<(Service, &'static str), Packets>,
    sources: BTreeMap<&'static str, HashSet<sensor_common::Address>>,
    mirai_sources: HashSet<sensor_common::Address>,
}

impl Found {
    fn look(&mut self, frame: &[u8], prefixes: &Prefixes) {
        let observation = match classify_ethernet(frame, prefixes) {
            Ok(observation) => observation,
            Err(outcome) => {
                self.outcomes[outcome as usize] += 1;
                return;
            }
        };
        let outcome = observation.outcome();
        let mirai = u64::from(observation.tools.contains(ToolSet::MIRAI));
        self.outcomes[outcome as usize] += 1;
        *self.classes.entry(observation.class).or_default() += 1;
        *self.protocols.entry(observation.protocol).or_default() += 1;
        let port = self.ports.entry(observation.destination_port).or_default();
        if outcome == Outcome::ObservedTcp {
            port.tcp += 1;
            port.syn += u64::from(observation.class == Class::Scan);
            port.mirai += mirai;
        } else if outcome == Outcome::ObservedUdp {
            port.udp += 1;
        }
        let region = match (observation.family, observation.source.low32() >> 24) {
            (Family::Ipv4, 1) => "CN",
            (Family::Ipv4, 50) => "US",
            (Family::Ipv4, 133) => "JP",
            _ => "",
        };
        let service = Service {
            protocol: observation.protocol,
            class: observation.class,
            port: observation.service_port(),
        };
        let count = self.services.entry((service, region)).or_default();
        count.packets += 1;
        count.mirai += mirai;
        self.sources.entry(region).or_default().insert(observation.source);
        if mirai > 0 {
            self.mirai_sources.insert(observation.source);
        }
    }
}

fn assert_truth(plan: &Plan) {
    let prefixes = Prefixes::from(plan.watched.clone());
    let mut scenario = Scenario::new(plan).unwrap();
    let mut found = Found::default();
    each_frame(&mut scenario, |frame| found.look(frame, &prefixes));
    let truth = scenario.truth();
    assert_eq!(truth.frames, plan.packets);
    assert_eq!(truth.outcomes, found.outcomes);
    for class in Class::ALL {
        assert_eq!(truth.class(class), found.classes[&class], "{}", class.name());
    }
    for (protocol, packets) in (0..=u8::MAX).zip(truth.protocols) {
        assert_eq!(packets, found.protocols.get(&protocol).copied().unwrap_or(0));
    }
    for (port, counters) in (0..=u16::MAX).zip(&truth.ports) {
        assert_eq!(*counters, found.ports.get(&port).copied().unwrap_or_default());
    }
    assert_eq!(truth.service_regions(), found.services);
    let sources: usize = found.sources.values().map(HashSet::len).sum();
    assert_eq!(truth.sources(), sources);
    assert_eq!(truth.mirai_sources(), found.mirai_sources.len());
    for region in &truth.regions {
        assert_eq!(region.sources(), found.sources[region.region.as_str()].len());
    }
    assert_eq!(
        truth.observed(),
        truth.services().values().map(|count| count.packets).sum::<u64>()
    );
}

#[test]
fn the_truth_is_what_the_classifier_finds() {
    assert_truth(&plan(300_000));
}

#[test]
fn the_truth_is_what_the_classifier_finds_with_regions_and_a_surge() {
    assert_truth(&Plan {
        regions: three_regions(),
        surge: Some(Surge {
            region: "JP".to_owned(),
            port: 37_215,
            share: 0.3,
            sources: 500,
        }),
        ..plan(300_000)
    });
}

#[test]
fn without_an_ipv6_prefix_ipv6_is_not_watched() {
    let plan = Plan {
        watched: vec!["203.0.113.0/28".parse().unwrap()],
        ..plan(100_000)
    };
    let prefixes = Prefixes::from(plan.watched.clone());
    let mut scenario = Scenario::new(&plan).unwrap();
    let mut outcomes = [0; Outcome::COUNT];
    each_frame(&mut scenario, |frame| {
        let outcome = classify_ethernet(frame, &prefixes).map_or_else(|o| o, |o| o.outcome());
        outcomes[outcome as usize] += 1;
    });
    assert_eq!(scenario.truth().outcomes, outcomes);
    assert_eq!(scenario.truth().outcome(Outcome::ObservedIcmpv6), 0);
    assert!(scenario.truth().outcome(Outcome::NotWatched) > 5_000);
}

#[test]
fn every_outcome_that_can_be_sent_is() {
    let mut scenario = Scenario::new(&plan(100_000)).unwrap();
    each_frame(&mut scenario, |frame| assert!(frame.len() >= 14));
    for outcome in Outcome::ALL {
        let never = !outcome.is_of_the_frame() || outcome == Outcome::TruncatedEthernet;
        assert_eq!(
            scenario.truth().outcome(outcome) == 0,
            never,
            "{}",
            outcome.name()
        );
    }
}

#[test]
fn the_same_plan_makes_the_same_frames() {
    let run = |seed| {
        let mut frames = Vec::new();
        let plan = Plan { seed, ..plan(5_000) };
        each_frame(&mut Scenario::new(&plan).unwrap(), |frame| {
            frames.push(frame.to_vec());
        });
        frames
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_surge_comes_from_its_region_in_the_second_half_alone() {
    let plan = Plan {
        regions: three_regions(),
        surge: Some(Surge {
            region: "JP".to_owned(),
            port: 52_869,
            share: 0.25,
            sources: 300,
        }),
        ..plan(200_000)
    };
    let mut scenario = Scenario::new(&plan).unwrap();
    let mut buffer = Vec::new();
    while scenario.remaining() > 100_000 {
        assert!(scenario.next_into(&mut buffer));
    }
    let before = scenario.truth().clone();
    each_frame(&mut scenario, |_| ());
    // 52869 is no port of the usual probes, so all Mirai there is the surge.
    assert_eq!(before.ports[52_869].mirai, 0);
    let mirai = scenario.truth().ports[52_869].mirai;
    assert!((24_000..26_000).contains(&mirai), "{mirai}");
    let service = Service {
        protocol: 6,
        class: Class::Scan,
        port: 52_869,
    };
    assert_eq!(scenario.truth().service_regions()[&(service, "JP")].mirai, mirai);
}

#[test]
fn regions_send_by_their_place() {
    let plan = Plan {
        regions: three_regions(),
        ..plan(200_000)
    };
    let mut scenario = Scenario::new(&plan).unwrap();
    each_frame(&mut scenario, |_| ());
    let packets: Vec<_> = scenario
        .truth()
        .regions
        .iter()
        .map(|region| region.count.packets)
        .collect();
    // 1 : 1/2 : 1/3, within 3 %.
    for (place, share) in [(1, 2), (2, 3)] {
        let ratio = packets[place] * share * 100 / packets[0];
        assert!((97..=103).contains(&ratio), "{packets:?}");
    }
}

#[test]
fn flows_are_few_to_the_packet_as_at_a_telescope() {
    let plan = plan(400_000);
    let prefixes = Prefixes::from(plan.watched.clone());
    let mut flows = HashSet::new();
    let mut observed = 0;
    each_frame(&mut Scenario::new(&plan).unwrap(), |frame| {
        if let Ok(observation) = classify_ethernet(frame, &prefixes) {
            observed += 1;
            flows.insert(observation.flow_key());
        }
    });
    // Scans of any port make a flow each; all the rest must repeat.
    assert!(flows.len() * 4 < observed, "{} of {observed}", flows.len());
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_refused() {
    let refuse = |change: fn(&mut Plan)| {
        let mut plan = Plan {
            regions: three_regions(),
            ..plan(10)
        };
        change(&mut plan);
        Scenario::new(&plan).unwrap_err()
    };
    assert_eq!(refuse(|plan| plan.watched.clear()), ScenarioError::NoIpv4Watched);
    assert_eq!(
        refuse(|plan| plan.watched = vec!["0.0.0.0/0".parse().unwrap()]),
        ScenarioError::NothingBeside
    );
    assert_eq!(
        refuse(|plan| plan.regions[1].ranges.clear()),
        ScenarioError::BadRanges("US".to_owned())
    );
    assert_eq!(
        refuse(|plan| plan.regions[2].ranges = vec![([9, 0, 0, 1].into(), [9, 0, 0, 0].into())]),
        ScenarioError::BadRanges("JP".to_owned())
    );
    let surge = |region: &str, share| {
        Some(Surge {
            region: region.to_owned(),
            port: 23,
            share,
            sources: 10,
        })
    };
    let mut unknown = plan(10);
    unknown.surge = surge("KR", 0.1);
    assert_eq!(
        Scenario::new(&unknown).unwrap_err(),
        ScenarioError::UnknownRegion("KR".to_owned())
    );
    for share in [-0.1, 1.1, f64::NAN] {
        let mut plan = plan(10);
        plan.surge = surge("JP", share);
        assert_eq!(Scenario::new(&plan).unwrap_err(), ScenarioError::BadShare);
    }
}
