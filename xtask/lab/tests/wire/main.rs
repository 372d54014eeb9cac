//! Frames over a real wire: what is sent arrives, and what arrives is counted.
//!
//! Each test has a veth pair of its own in the namespace `teiten-lab-test`, which is removed whatever happens. Without
//! root, or without a program that a test needs, the test is ignored and its name says why.

#![expect(
    clippy::unwrap_used,
    reason = "tests without the standard harness are not recognised as such"
)]

mod place;

use std::{fs, num::NonZeroU32, thread, time::Duration};

use self::place::{RX, TX, Wire, run};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::unistd::Uid;
use sensor_lab::{
    cases,
    scenario::{Plan, Scenario},
    sender::{Limit, Pace, Queueing, SendError, Sender},
    tap::{Tally, Tap, TapError},
    watched::{CASE_PREFIXES, Prefixes},
};

const RX_MAC: &str = "02:00:00:00:00:02";

fn main() {
    let mut arguments = Arguments::from_args();
    // They share the namespace's name.
    arguments.test_threads = Some(1);
    let trials = vec![
        trial(
            "what_is_sent_is_what_arrives",
            &["tcpdump"],
            what_is_sent_is_what_arrives,
        ),
        trial("every_case_can_be_sent", &["tcpdump"], every_case_can_be_sent),
        trial("past_the_queue_as_well", &["tcpdump"], past_the_queue_as_well),
        trial(
            "a_full_queue_delays_frames_and_loses_none",
            &["tc"],
            a_full_queue_loses_none,
        ),
        trial("a_rate_is_kept", &[], a_rate_is_kept),
        trial(
            "a_limit_of_time_ends_the_sending",
            &[],
            a_limit_of_time_ends_the_sending,
        ),
        trial(
            "a_frame_that_does_not_fit_is_refused",
            &[],
            a_frame_that_does_not_fit_is_refused,
        ),
        trial("a_tap_on_nothing_says_so", &["tcpdump"], a_tap_on_nothing_says_so),
        trial(
            "nmap_is_counted_exactly",
            &["tcpdump", "nmap"],
            nmap_is_counted_exactly,
        ),
        trial(
            "zmap_is_counted_exactly",
            &["tcpdump", "zmap"],
            zmap_is_counted_exactly,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

/// A test on a wire of its own, ignored with the reason where it cannot run.
fn trial(name: &str, programs: &[&str], test: fn(&Wire) -> Result<(), Failed>) -> Trial {
    let missing = programs.iter().find(|program| !is_installed(program));
    let reason = match missing {
        _ if !Uid::effective().is_root() => Some("needs root".to_owned()),
        Some(program) => Some(format!("needs {program}")),
        None => None,
    };
    let shown = match &reason {
        Some(reason) => format!("{name} ({reason})"),
        None => name.to_owned(),
    };
    let run = move || test(&Wire::new()?);
    Trial::test(shown, run).with_ignored_flag(reason.is_some())
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

const NO_LIMIT: Limit = Limit {
    frames: u64::MAX,
    time: Duration::from_mins(1),
};

fn a_rate(frames_a_second: u32) -> Pace {
    NonZeroU32::new(frames_a_second).map_or(Pace::Unlimited, Pace::PerSecond)
}

fn prefixes() -> Prefixes {
    Prefixes::parse(&CASE_PREFIXES).unwrap()
}

/// The kernel takes the first VLAN tag off before packet sockets get a frame, and drops frames in which less than the
/// tag and two octets follow the type (`skb_vlan_untag`). XDP comes before that.
fn reaches_a_packet_socket(frame: &[u8]) -> bool {
    !matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]) || frame.len() >= 20
}

/// A scenario over the wire, and the same frames counted without one.
fn over_the_wire(wire: &Wire, queueing: Queueing) -> Result<(), Failed> {
    let watched = prefixes();
    let plan = Plan::new(11, 20_000, watched.as_slice().to_vec());
    let mut scenario = Scenario::new(&plan)?;
    let mut expected = Tally::default();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("wire.pcap");
    let tap = Tap::start(|program| Ok(wire.command(program)), RX, &file)?;
    let sent = wire.send(queueing, a_rate(40_000), NO_LIMIT, |buffer| {
        let more = scenario.next_into(buffer);
        if more && reaches_a_packet_socket(buffer) {
            expected.add(buffer, &watched);
        }
        more
    })?;
    let captured = tap.stop()?;
    assert_eq!(sent.frames, plan.packets);
    assert_eq!(wire.received()?, plan.packets);
    assert_eq!(captured, expected.frames);
    assert_eq!(Tally::of_capture(&file, &watched)?, expected);
    Ok(())
}

fn what_is_sent_is_what_arrives(wire: &Wire) -> Result<(), Failed> {
    over_the_wire(wire, Queueing::Discipline)
}

fn past_the_queue_as_well(wire: &Wire) -> Result<(), Failed> {
    over_the_wire(wire, Queueing::Bypass)
}

fn every_case_can_be_sent(wire: &Wire) -> Result<(), Failed> {
    let frames: Vec<_> = cases::all()
        .into_iter()
        .filter(cases::Case::fits_test_run)
        .map(|case| case.frame)
        .collect();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("cases.pcap");
    let tap = Tap::start(|program| Ok(wire.command(program)), RX, &file)?;
    let mut rest = frames.iter();
    let sent = wire.send(Queueing::Discipline, a_rate(10_000), NO_LIMIT, |buffer| {
        let Some(frame) = rest.next() else {
            return false;
        };
        buffer.clone_from(frame);
        true
    })?;
    assert_eq!(sent.frames, frames.len() as u64);
    assert_eq!(
        sent.bytes,
        frames.iter().map(|frame| frame.len() as u64).sum::<u64>()
    );
    assert_eq!(wire.received()?, sent.frames);
    let tappable = frames.iter().filter(|frame| reaches_a_packet_socket(frame));
    assert_eq!(tap.stop()?, tappable.count() as u64);
    Ok(())
}

/// A queue of 20 kB that is emptied at 16 Mbit/s, filled as fast as possible.
fn a_full_queue_loses_none(wire: &Wire) -> Result<(), Failed> {
    let queue = "qdisc replace dev tx root tbf rate 16mbit burst 10k limit 20k".split(' ');
    run(wire.command("tc").args(queue))?;
    let mut scenario = Scenario::new(&Plan::new(5, 30_000, prefixes().as_slice().to_vec()))?;
    let sent = wire.send(Queueing::Discipline, Pace::Unlimited, NO_LIMIT, |buffer| {
        scenario.next_into(buffer)
    })?;
    assert_eq!(sent.frames, 30_000);
    assert!(sent.retries > 0, "the queue was never full: {sent:?}");
    // The last ones still lie in the queue.
    thread::sleep(Duration::from_millis(200));
    assert_eq!(wire.received()?, sent.frames, "{sent:?}");
    Ok(())
}

fn a_rate_is_kept(wire: &Wire) -> Result<(), Failed> {
    let mut scenario = Scenario::new(&Plan::new(5, 5_000, prefixes().as_slice().to_vec()))?;
    let sent = wire.send(Queueing::Discipline, a_rate(10_000), NO_LIMIT, |buffer| {
        scenario.next_into(buffer)
    })?;
    assert_eq!(sent.frames, 5_000);
    // Never too fast; a busy machine may be late.
    let half_a_second = Duration::from_millis(490)..Duration::from_secs(2);
    assert!(half_a_second.contains(&sent.elapsed), "{sent:?}");
    let limit = Limit {
        frames: 300,
        ..NO_LIMIT
    };
    let mut scenario = Scenario::new(&Plan::new(5, 5_000, prefixes().as_slice().to_vec()))?;
    let pace = Pace::Within(Duration::from_millis(300));
    let sent = wire.send(Queueing::Discipline, pace, limit, |buffer| {
        scenario.next_into(buffer)
    })?;
    assert_eq!((sent.frames, scenario.truth().frames), (300, 300));
    let third_of_a_second = Duration::from_millis(290)..Duration::from_secs(2);
    assert!(third_of_a_second.contains(&sent.elapsed), "{sent:?}");
    Ok(())
}

fn a_limit_of_time_ends_the_sending(wire: &Wire) -> Result<(), Failed> {
    let mut scenario = Scenario::new(&Plan::new(5, 1_000_000_000, prefixes().as_slice().to_vec()))?;
    let limit = Limit {
        time: Duration::from_millis(100),
        ..NO_LIMIT
    };
    let sent = wire.send(Queueing::Discipline, Pace::Unlimited, limit, |buffer| {
        scenario.next_into(buffer)
    })?;
    assert!(sent.elapsed < Duration::from_secs(2), "{sent:?}");
    // The truth holds: what was made was sent.
    assert_eq!(sent.frames, scenario.truth().frames);
    Ok(())
}

fn a_frame_that_does_not_fit_is_refused(wire: &Wire) -> Result<(), Failed> {
    for bytes in [13, 3_600] {
        let error = wire.enter(|| {
            let mut sender = Sender::open(TX, Queueing::Discipline)?;
            let next = |buffer: &mut Vec<u8>| {
                buffer.resize(bytes, 0);
                true
            };
            Ok::<_, SendError>(sender.send(next, Pace::Unlimited, NO_LIMIT))
        })?;
        let error = error.unwrap_err();
        assert!(
            matches!(error, SendError::Refused { bytes: named, .. } if named == bytes),
            "{error}"
        );
    }
    Ok(())
}

fn a_tap_on_nothing_says_so(wire: &Wire) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("none.pcap");
    let error = Tap::start(|program| Ok(wire.command(program)), "none", &file).unwrap_err();
    assert!(matches!(error, TapError::NotListening(_)), "{error}");
    assert!(error.to_string().contains("none"), "{error}");
    Ok(())
}

/// Runs a scanner against the wire and counts what arrived.
fn scanned(wire: &Wire, scanner: &str, arguments: &[&str]) -> Result<Tally, Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("scan.pcap");
    let tap = Tap::start(|program| Ok(wire.command(program)), RX, &file)?;
    run(wire.command(scanner).args(arguments))?;
    tap.stop()?;
    Ok(Tally::of_capture(&file, &prefixes())?)
}

fn nmap_is_counted_exactly(wire: &Wire) -> Result<(), Failed> {
    let arguments = "-n -Pn -sS -p 22,23,80,445 --max-retries 0 -e tx --send-ip 198.51.100.0/29".split(' ');
    let tally = scanned(wire, "nmap", &arguments.collect::<Vec<_>>())?;
    let found: Vec<_> = tally
        .ports
        .iter()
        .map(|(port, seen)| (*port, seen.tcp, seen.syn, seen.mirai, seen.udp))
        .collect();
    assert_eq!(
        found,
        [22, 23, 80, 445].map(|port| (port, 8, 8, 0, 0)),
        "{tally:?}"
    );
    Ok(())
}

/// With a seed: some of the orders that ZMap 2.1.1 draws by itself end in a failed assertion.
fn zmap_is_counted_exactly(wire: &Wire) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let blocklist = folder.path().join("nothing");
    fs::write(&blocklist, "")?;
    let blocklist = blocklist.to_string_lossy().into_owned();
    let arguments = format!(
        "-i tx -G {RX_MAC} -p 23 -r 5000 -c 0 -e 1 -b {blocklist} -S 192.0.2.1 198.51.100.0/24 -o /dev/null -q"
    );
    let tally = scanned(wire, "zmap", &arguments.split(' ').collect::<Vec<_>>())?;
    let found: Vec<_> = tally
        .ports
        .iter()
        .map(|(port, seen)| (*port, seen.tcp, seen.syn, seen.mirai))
        .collect();
    assert_eq!(found, [(23, 256, 256, 0)], "{tally:?}");
    Ok(())
}
