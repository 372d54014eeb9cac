//! The daemon as a whole: the real binary in test networks, under real frames, asked over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod counts;
mod daemon;
mod exposition;
mod fitness;
mod foreign;
mod host;
mod hostile;
mod interfaces;
mod metrics;
mod modes;
mod privilege;
mod program;
mod prometheus;
mod records;
mod refused;
mod regions;
mod ring;
mod samples;
mod service;
mod shipping;
mod stop;
mod traffic;
mod verdict;
mod web;

use std::{env, sync::OnceLock};

use libtest_mimic::{Arguments, Completion, Trial};
use sensor_lab::network::{Lab, LabLock, Network};

type Test = (&'static str, fn());

/// Tests that run at a time when nobody says otherwise: most of them wait for a daemon most of the time.
const TESTS_AT_A_TIME: usize = 4;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(TESTS_AT_A_TIME);
    let obstacle = Lab::obstacle();
    if obstacle.is_none() {
        Lab::clean_up_on_signals().unwrap();
    }
    // Each subject with the program that it needs beside iproute2, which the networks are made with.
    let subjects: [(&[Test], Option<&str>); 21] = [
        (&refused::TESTS, None),
        (&foreign::TESTS, None),
        (&fitness::TESTS, Some("setcap")),
        (&privilege::TESTS, Some("setpriv")),
        (&modes::TESTS, None),
        (&interfaces::TESTS, None),
        (&counts::TESTS, None),
        (&metrics::TESTS, Some("promtool")),
        (&prometheus::TESTS, Some("prometheus")),
        (&regions::TESTS, None),
        (&records::TESTS, None),
        (&shipping::TESTS, None),
        (&service::TESTS, None),
        (&web::TESTS, Some("openssl")),
        (&hostile::TESTS, Some("openssl")),
        (&stop::TESTS, None),
        (&host::TESTS, None),
        (&verdict::TESTS, Some("tcpdump")),
        (&ring::TESTS, None),
        (&samples::TESTS, None),
        (&samples::FOREIGN_TESTS, Some(samples::SCANNER)),
    ];
    let trials = subjects.into_iter().flat_map(|(tests, program)| {
        let obstacle = obstacle.clone().or_else(|| missing(program?));
        tests
            .iter()
            .map(move |(name, test)| trial(name, *test, obstacle.clone()))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn trial(name: &str, test: fn(), obstacle: Option<String>) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(reason) = obstacle {
            return Ok(Completion::ignored_with(reason));
        }
        test();
        Ok(Completion::Completed)
    })
}

/// Why a test that needs this program cannot run, if so.
fn missing(program: &str) -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|folder| folder.join(program).is_file());
    (!found).then(|| format!("needs {program}: `cargo xtask setup` installs it"))
}

/// A sender's and a sensor's namespace, `teiten-system-NAME-…`: nothing that the sensor's host answers comes back.
fn network(name: &str) -> Network {
    // The process holds the machine's lock to its end: its tests run beside each other, and beside no others.
    static LOCK: OnceLock<LabLock> = OnceLock::new();
    let lock = LOCK.get_or_init(|| Lab::lock().unwrap());
    Network::pair(lock, &format!("system-{name}")).unwrap()
}
