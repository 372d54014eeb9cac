//! The same report over an S3-compatible server as from a directory; with the feature `sql`, the same answers.
//!
//! With `--full` alone: the server is compiled first.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

#[path = "../../sensor-user/ship/tests/support/server.rs"]
mod server;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
};

use libtest_mimic::{Arguments, Completion, Trial};
use sensor_synth::{Calendar, Fleet, Plan};
use server::{Server, credentials, server_program};

fn main() -> ExitCode {
    let name = "a_report_over_s3_is_that_of_the_directory";
    let trial = Trial::ignorable_test(name, || {
        if env::var_os("TEITEN_TEST_FULL").is_none() {
            let reason = "compiles a server of objects: run with --full";
            println!("skipped: {reason}");
            return Ok(Completion::ignored_with(reason));
        }
        same(&server_program()?);
        Ok(Completion::Completed)
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

/// Every file below a folder.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut folders, mut found) = (vec![root.to_owned()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(
                    path.strip_prefix(root).unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    found
}

fn run(arguments: &[&str]) -> Output {
    // What the machine's own environment says of other stores is none of this.
    Command::new(env!("CARGO_BIN_EXE_teiten-report"))
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn same(program: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let records = root.join("server/shelf/fleet");
    fs::create_dir_all(&records).unwrap();
    let plan = Plan {
        seed: 5,
        scale: 0.05,
        fleet: Fleet::small(),
        calendar: Calendar::of("2022Q4", 0).unwrap(),
        with_events: true,
        hourly_coverage: false,
    };
    sensor_synth::write(&records, &plan, &|| {}).unwrap();
    let server = Server::start(program, &root.join("server"), 0);
    let (endpoint, key) = (server.endpoint(), credentials(root, "hush"));
    let key = key.to_str().unwrap();
    let report = |data: &[&str], out: &Path| {
        let out = out.to_str().unwrap();
        let arguments = [
            "range",
            "2022-11-01",
            "2022-11-20",
            "--lang",
            "en",
            "--out",
            out,
            "--data",
        ];
        run(&[&arguments, data].concat())
    };
    let here = report(&[records.to_str().unwrap()], &root.join("here"));
    assert!(here.status.success(), "{here:?}");
    let remote = ["s3://shelf/fleet", "--endpoint", &endpoint, "--credentials", key];
    let there = report(&remote, &root.join("there"));
    assert!(there.status.success(), "{there:?}");
    let (here, there) = (files(&root.join("here")), files(&root.join("there")));
    assert!(here.len() > 20, "{}", here.len());
    assert!(here == there, "the reports differ");
    // The gaps too; and what cannot be asked says what is missing, and no secret.
    let coverage = |data: &[&str]| run(&[&["coverage", "--json", "--data"], data].concat());
    assert_eq!(
        coverage(&remote).stdout,
        coverage(&[records.to_str().unwrap()]).stdout
    );
    #[cfg(feature = "sql")]
    {
        let question = "SELECT source_region, port, sum(packets) AS packets FROM cells WHERE date = '2022-11-01' \
            GROUP BY 1, 2 ORDER BY 1, 2";
        let asked = |data: &[&str]| run(&[&["sql", question, "--format", "csv", "--data"], data].concat());
        let (here, there) = (asked(&[records.to_str().unwrap()]), asked(&remote));
        assert!(here.stdout.len() > 1_000, "{here:?}");
        assert_eq!(here.stdout, there.stdout, "{there:?}");
    }
    for (data, said) in [
        (vec!["s3://shelf/fleet", "--endpoint", &endpoint], "--credentials"),
        (
            vec![
                "s3://shelf/nothing",
                "--endpoint",
                &endpoint,
                "--credentials",
                key,
            ],
            "holds no records",
        ),
        (vec!["s3://", "--credentials", key], "s3://BUCKET/PREFIX"),
    ] {
        let refused = coverage(&data);
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{error}");
        assert!(error.contains(said) && !error.contains("hush"), "{error}");
    }
    let wrong = credentials(root, "loudly");
    let refused = coverage(&[
        "s3://shelf/fleet",
        "--endpoint",
        &endpoint,
        "--credentials",
        wrong.to_str().unwrap(),
    ]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && !error.contains("loudly"), "{error}");
}
