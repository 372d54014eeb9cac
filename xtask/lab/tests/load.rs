//! The real daemon under floods of known size: every count is held against what was generated. Needs root.

#![expect(
    clippy::unwrap_used,
    reason = "tests without the standard harness are not recognised as such"
)]

use std::{env, thread, time::Duration};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sensor_lab::{
    artefacts,
    bench::{self, KernelOptions, LiveOptions, Programs},
    conserve::{self, Options, Report, Stop, Terms, await_rest},
    daemon::{Daemon, Mode, Settings},
    live::{Generator, PortCounts, Profile, online_cpus},
    network::{DARK_PREFIX, Lab, LabLock, Network},
};

type Test = fn(&LabLock) -> Result<Completion, Failed>;

/// Set by `cargo xtask test --full`.
const FULL: &str = "TEITEN_TEST_FULL";
/// Short, so that the sensor soon comes to rest.
const FLUSH_INTERVAL: &str = "250ms";
const FRAMES: u64 = 3_000_000;

fn main() {
    let mut arguments = Arguments::from_args();
    // A flood needs the machine for itself.
    arguments.test_threads = Some(1);
    let tests: [(&str, bool, Test); 9] = [
        (
            "a_flood_of_random_sources_is_counted_to_the_last_packet",
            false,
            a_flood_of_random_sources_is_counted_to_the_last_packet,
        ),
        (
            "a_ring_of_4_kib_loses_records_but_no_counts",
            false,
            a_ring_of_4_kib_loses_records_but_no_counts,
        ),
        (
            "a_daemon_held_up_for_two_seconds_loses_no_counts",
            false,
            a_daemon_held_up_for_two_seconds_loses_no_counts,
        ),
        (
            "generic_mode_counts_as_exactly",
            false,
            generic_mode_counts_as_exactly,
        ),
        (
            "two_interfaces_at_once_are_counted_apart",
            false,
            two_interfaces_at_once_are_counted_apart,
        ),
        (
            "a_record_that_vanishes_is_noticed_within_two_flushes",
            false,
            a_record_that_vanishes_is_noticed_within_two_flushes,
        ),
        (
            "what_the_program_costs_can_be_measured",
            false,
            what_the_program_costs_can_be_measured,
        ),
        (
            "every_profile_is_counted_exactly",
            true,
            every_profile_is_counted_exactly,
        ),
        (
            "what_the_sensor_costs_can_be_measured",
            true,
            what_the_sensor_costs_can_be_measured,
        ),
    ];
    let obstacle = artefacts::obstacle();
    let full = env::var_os(FULL).is_some();
    let trials = tests.map(|(name, long, test)| {
        let obstacle = match &obstacle {
            None if long && !full => Some("takes long: runs with --full".to_owned()),
            obstacle => obstacle.clone(),
        };
        Trial::ignorable_test(name, move || match obstacle {
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None => test(&Lab::lock()?),
        })
    });
    libtest_mimic::run(&arguments, trials.into()).exit();
}

/// A trial on two CPUs, or on the only one.
fn options(profile: Profile) -> Options {
    Options {
        frames: FRAMES,
        profile,
        cpus: online_cpus().unwrap().len().min(2),
        stop: None,
        memory: false,
        daemon: Settings {
            flush_interval: Some(FLUSH_INTERVAL.to_owned()),
            ..Settings::default()
        },
        program: artefacts::daemon().unwrap(),
        generator: artefacts::object("generator.o").unwrap(),
    }
}

/// Runs a trial, and holds the law and the kernel's totals.
fn exact(lock: &LabLock, options: &Options) -> Result<Report, Failed> {
    let report = conserve::run(lock, options, &|_| ())?;
    if report.terms.generated != options.frames || !report.holds() {
        return Err(format!("of {} frames: {report}", options.frames).into());
    }
    Ok(report)
}

fn a_flood_of_random_sources_is_counted_to_the_last_packet(lock: &LabLock) -> Result<Completion, Failed> {
    let report = exact(lock, &options(Profile::Uniform))?;
    assert_eq!(report.mode, "native");
    assert_eq!(report.readiness, "ok");
    // Hardly a flow repeats, so nearly every packet is a record: what the rings and queues are sized against.
    assert!(
        report.terms.records + report.terms.records_lost > FRAMES / 100 * 95,
        "{report}"
    );
    Ok(Completion::Completed)
}

fn a_ring_of_4_kib_loses_records_but_no_counts(lock: &LabLock) -> Result<Completion, Failed> {
    let mut options = options(Profile::Uniform);
    options.daemon.ring_size = Some("4KiB".to_owned());
    let report = exact(lock, &options)?;
    assert!(report.terms.lost_ring > 0, "{report}");
    Ok(Completion::Completed)
}

fn a_daemon_held_up_for_two_seconds_loses_no_counts(lock: &LabLock) -> Result<Completion, Failed> {
    let mut options = options(Profile::Uniform);
    options.stop = Some(Stop {
        length: Duration::from_secs(2),
    });
    let report = exact(lock, &options)?;
    // A million and a half records do not fit into 16 MiB.
    assert!(report.terms.lost_ring > 0, "{report}");
    Ok(Completion::Completed)
}

fn generic_mode_counts_as_exactly(lock: &LabLock) -> Result<Completion, Failed> {
    let mut options = options(Profile::Skewed);
    options.frames = FRAMES / 3;
    options.daemon.mode = Mode::Generic;
    let report = exact(lock, &options)?;
    assert_eq!(report.mode, "generic");
    Ok(Completion::Completed)
}

fn two_interfaces_at_once_are_counted_apart(lock: &LabLock) -> Result<Completion, Failed> {
    let &[first, second, ..] = online_cpus()?.as_slice() else {
        return Ok(Completion::ignored_with("needs two CPUs, one for each interface"));
    };
    let network = Network::pair(lock, "load")?;
    let (tx2, rx2) = second_pair(&network)?;
    let mut generator = Generator::load(&artefacts::object("generator.o")?, PortCounts::Kept)?;
    network.sender().enter(|| {
        generator.aim(first, network.tx().index)?;
        generator.aim(second, tx2)
    })??;
    let settings = Settings {
        interfaces: vec![network.rx().name.to_owned(), rx2.to_owned()],
        watch: vec![DARK_PREFIX.to_owned()],
        flush_interval: Some(FLUSH_INTERVAL.to_owned()),
        ..Settings::default()
    };
    let mut daemon = Daemon::start(network.sensor(), &artefacts::daemon()?, &settings)?;
    // Unequal shares, so that they cannot be mistaken for each other.
    let (long, short) = thread::scope(|scope| {
        let long = scope.spawn(|| generator.generate(Profile::Medium, 1_234_567, &[first], |_| ()));
        let short = generator.generate(Profile::Medium, 765_433, &[second], |_| ());
        (long.join().unwrap(), short)
    });
    long?;
    short?;
    await_rest(&mut daemon)?;
    let truth = generator.truth()?;
    let snapshot = daemon.whole_snapshot()?;
    assert_eq!(snapshot.interfaces[network.rx().name], 1_234_567);
    assert_eq!(snapshot.interfaces[rx2], 765_433);
    let terms = Terms::new(&truth, truth.frames(), &snapshot);
    assert_eq!(
        (terms.generated, terms.difference()),
        (2_000_000, 0),
        "{terms:#?}"
    );
    daemon.stop()?;
    Ok(Completion::Completed)
}

/// A second veth pair between the namespaces. Gives the index of its sending end and the name of its other.
fn second_pair(network: &Network) -> Result<(u32, &'static str), Failed> {
    let (tx, rx) = ("tx2", "rx2");
    let there = network.sensor().name();
    let queues = ["numrxqueues", "2", "numtxqueues", "2"];
    let near = ["link", "add", "name", tx].into_iter().chain(queues);
    let far = ["type", "veth", "peer", "name", rx].into_iter().chain(queues);
    let add: Vec<_> = near.chain(far).chain(["netns", there]).collect();
    network.sender().ip(&add)?;
    network.sensor().ip(&["link", "set", "dev", rx, "up"])?;
    network.sender().ip(&["link", "set", "dev", tx, "up"])?;
    let index = network.sender().enter(|| nix::net::if_::if_nametoindex(tx))??;
    Ok((index, rx))
}

fn a_record_that_vanishes_is_noticed_within_two_flushes(lock: &LabLock) -> Result<Completion, Failed> {
    let object = artefacts::object("sensor-fault-drop.o")?;
    if !object.exists() {
        return Ok(Completion::ignored_with(format!(
            "{} was not built: `cargo xtask test` does that",
            object.display()
        )));
    }
    let cpus = online_cpus()?;
    let network = Network::pair(lock, "load")?;
    let mut generator = Generator::load(&artefacts::object("generator.o")?, PortCounts::Left)?;
    network
        .sender()
        .enter(|| generator.aim(cpus[0], network.tx().index))??;
    let settings = Settings {
        interfaces: vec![network.rx().name.to_owned()],
        watch: vec![DARK_PREFIX.to_owned()],
        flush_interval: Some("1s".to_owned()),
        object: Some(object),
        ..Settings::default()
    };
    let daemon = Daemon::start(network.sensor(), &artefacts::daemon()?, &settings)?;
    assert!(daemon.readiness()?.ready, "before the first record vanished");

    // One record in a million vanishes: two or three of these.
    generator.generate(Profile::Uniform, FRAMES, &cpus[..1], |_| ())?;
    let mut last = daemon.snapshot(0)?.to;
    let mut flushes = 0;
    while flushes < 2 {
        thread::sleep(Duration::from_millis(50));
        let now = daemon.snapshot(0)?.to;
        flushes += u32::from(now != last);
        last = now;
    }
    let readiness = daemon.readiness()?;
    let snapshot = daemon.snapshot(0)?;
    assert_eq!(snapshot.seen, FRAMES, "the totals do not depend on records");
    let difference = snapshot.conservation.difference;
    assert!(difference > 0 && !readiness.ready, "{difference} {readiness:?}");
    assert!(
        readiness
            .text
            .contains(&format!("difference {difference} packets")),
        "{readiness:?}"
    );
    Ok(Completion::Completed)
}

fn what_the_program_costs_can_be_measured(_lock: &LabLock) -> Result<Completion, Failed> {
    let costs = bench::measure_kernel(&KernelOptions {
        rounds: 1,
        sensor: artefacts::object("sensor.o")?,
        generator: artefacts::object("generator.o")?,
    })?;
    for spread in [costs.bare_ns, costs.hit_ns, costs.bare_uniform_ns, costs.miss_ns] {
        assert!(spread.median > 0.0, "{costs:?}");
    }
    // The ring alone is 16 MiB.
    assert!(costs.map_bytes > 16 << 20, "{costs:?}");
    assert_eq!(costs.programs.len(), 3);
    for program in &costs.programs {
        // Kernels before 5.16 do not tell. The limit is a million.
        assert!(
            program
                .verified_instructions
                .is_none_or(|count| (100..1_000_000).contains(&count)),
            "{program:?}"
        );
    }
    Ok(Completion::Completed)
}

fn every_profile_is_counted_exactly(lock: &LabLock) -> Result<Completion, Failed> {
    for profile in Profile::ALL {
        let report = exact(lock, &options(profile))?;
        assert_eq!(
            report.terms.mirai_generated > 0,
            profile != Profile::Single,
            "{report}"
        );
    }
    Ok(Completion::Completed)
}

fn what_the_sensor_costs_can_be_measured(lock: &LabLock) -> Result<Completion, Failed> {
    let costs = bench::measure_live(
        lock,
        &LiveOptions {
            rounds: 1,
            frames: 200_000,
            cpus: 1,
            profiles: vec![Profile::Skewed],
            peers: false,
            programs: Programs {
                daemon: artefacts::daemon()?,
                generator: artefacts::object("generator.o")?,
            },
        },
        &|_| (),
    )?;
    let [profile] = costs.profiles.as_slice() else {
        return Err(format!("{costs}").into());
    };
    assert_eq!(profile.profile, "skewed");
    for nanoseconds in [
        profile.ns_drop,
        profile.ns_generator,
        profile.ns_sensor,
        profile.ratio,
    ] {
        assert!(nanoseconds.is_finite() && nanoseconds > 0.0, "{costs}");
    }
    Ok(Completion::Completed)
}
