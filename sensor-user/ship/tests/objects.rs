//! Shipping to a real S3-compatible server over loopback, which dies in the middle of it.
//!
//! With `--full` alone: the server is compiled first.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

#[path = "support/server.rs"]
mod server;
mod support;

use std::{collections::BTreeMap, env, fs, path::Path, process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Completion, Trial};
use sensor_records::verify;
use sensor_ship::{Shipper, Status, Target};
use server::{Server, credentials, server_program};
use support::{files, records, ship, wait_for};
use tokio::runtime::Runtime;

/// Hours of records: each is one file.
const HOURS: i64 = 240;
/// Times that the server is killed.
const DEATHS: u64 = 5;

fn main() -> ExitCode {
    let trials = vec![
        trial(
            "every_object_arrives_once_byte_for_byte_through_deaths_of_the_server",
            deaths_of_the_server,
        ),
        trial("wrong_credentials_fail_and_are_not_said", wrong_credentials),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &str, test: fn(&Path)) -> Trial {
    Trial::ignorable_test(name, move || {
        if env::var_os("TEITEN_TEST_FULL").is_none() {
            let reason = "compiles a server of objects: run with --full";
            println!("skipped: {reason}");
            return Ok(Completion::ignored_with(reason));
        }
        test(&server_program()?);
        Ok(Completion::Completed)
    })
}

/// How often each object was put with success, as the server has it.
fn puts(server_root: &Path) -> BTreeMap<String, usize> {
    let mut puts = BTreeMap::new();
    for line in fs::read_to_string(server_root.join(".log")).unwrap().lines() {
        if let Some(path) = line.strip_prefix("200 PUT ") {
            *puts.entry(path.to_owned()).or_default() += 1;
        }
    }
    puts
}

fn deaths_of_the_server(program: &Path) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("records");
    let server_root = directory.path().join("server");
    let there = server_root.join("shelf/fleet/one");
    fs::create_dir_all(server_root.join("shelf")).unwrap();
    records(&root, HOURS);
    let mut server = Server::start(program, &server_root, 0);
    let target = Target::open(
        "s3://shelf/fleet/one",
        Some(&server.endpoint()),
        Some(&credentials(directory.path(), "hush")),
    )
    .unwrap();
    let status = Arc::new(Status::default());
    Runtime::new().unwrap().block_on(async {
        let (stop, shipping) = ship(&root, target.clone(), &status);
        for death in 1..=DEATHS {
            let wanted = death * HOURS.unsigned_abs() / (DEATHS + 2);
            wait_for("a part of the shipping", || status.shipped() >= wanted).await;
            let port = server.port;
            drop(server);
            let failures = status.failures();
            wait_for("failures", || status.failures() > failures + 1).await;
            assert!(status.backlog() > 0, "it was not in the middle");
            server = Server::start(program, &server_root, port);
        }
        wait_for("all files", || files(&there, "a") == files(&root, "a")).await;
        wait_for("the end of the backlog", || status.backlog() == 0).await;
        drop(stop);
        shipping.await.unwrap();
        // Another shipper finds all of it there.
        let again = Arc::new(Status::default());
        let mut shipper = Shipper::new(&root, "a", target, Arc::clone(&again));
        shipper.round().await.unwrap();
        assert_eq!((again.shipped(), again.backlog()), (0, 0));
    });
    assert!(files(&there, "b").is_empty());
    assert!(verify(&there).unwrap().faults.is_empty());
    let puts = puts(&server_root);
    let objects = puts.iter().filter(|(path, _)| path.ends_with(".parquet"));
    let more_than_once: Vec<_> = objects.clone().filter(|(_, times)| **times != 1).collect();
    assert!(more_than_once.is_empty(), "{more_than_once:?}");
    // An answer that died with the server is not in its log, and neither was the object sent again.
    let known = objects.count();
    let all = usize::try_from(HOURS).unwrap();
    assert!(
        (all - usize::try_from(DEATHS).unwrap()..=all).contains(&known),
        "{known}"
    );
    println!(
        "{HOURS} objects arrived once through {DEATHS} deaths of the server, {} tries failed",
        status.failures()
    );
}

fn wrong_credentials(program: &Path) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("records");
    let server_root = directory.path().join("server");
    fs::create_dir_all(server_root.join("shelf")).unwrap();
    records(&root, 1);
    let server = Server::start(program, &server_root, 0);
    let path = credentials(directory.path(), "loudly");
    let target = Target::open("s3://shelf", Some(&server.endpoint()), Some(&path)).unwrap();
    let status = Arc::new(Status::default());
    let mut shipper = Shipper::new(&root, "a", target.clone(), Arc::clone(&status));
    let refused = Runtime::new().unwrap().block_on(shipper.round()).unwrap_err();
    let said = format!("{} {refused:?} {target:?}", refused.chain());
    assert!(!said.contains("loudly"), "{said}");
    assert_eq!((status.shipped(), status.backlog()), (0, 1));
    assert!(puts(&server_root).is_empty());
}
