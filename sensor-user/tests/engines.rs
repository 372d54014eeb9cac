//! `DuckDB` and `DataFusion` read the records of a run, and count what the sensor counted: by port, region and hour.
//!
//! With `--full` alone: `DuckDB` comes from `PyPI` into an environment of the test's own, and `DataFusion` takes minutes to
//! compile. Where one cannot be had, its test is reported as ignored, with the reason.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

#[path = "records/support.rs"]
mod support;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{Arc, OnceLock},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sensor_records::rows::CoverageRow;
use teiten::pipeline::snapshot::Snapshot;

use support::{capture, count, replay, rows};

/// Packets by transport, port, source region and hour (in seconds since 1970).
const QUESTION: &str = "SELECT transport, port, source_region, CAST(date_part('epoch', hour) AS BIGINT) AS hour, \
    CAST(sum(packets) AS BIGINT) AS packets FROM cells WHERE class = 'scan' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";

/// The tables whose rows add up to every packet, and where each says how many.
const SUMS: [(&str, &str); 5] = [
    ("cells", "packets"),
    ("sources", "packets"),
    ("daily_cells", "packets"),
    ("networks", "packets"),
    ("coverage", "recorded"),
];

/// Packets of each table whose rows add up to all of them.
fn sums() -> String {
    let each = SUMS.map(|(table, column)| {
        format!("SELECT '{table}' AS name, CAST(sum({column}) AS BIGINT) AS packets FROM {table}")
    });
    each.join(" UNION ALL ")
}

/// A run, and what the sensor said of it.
struct Run {
    folder: tempfile::TempDir,
    snapshot: Snapshot,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sent.pcap");
        capture(&file);
        let snapshot = replay(folder.path(), &[file]).unwrap().snapshot;
        Self { folder, snapshot }
    }

    fn records(&self) -> PathBuf {
        self.folder.path().join("records")
    }

    /// Holds an engine's answer, as CSV, against the snapshot, and against the other engine's.
    fn compare(&self, answer: &str) {
        let mut pairs: BTreeMap<(String, u16, String), u64> = BTreeMap::new();
        let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
        for line in answer.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let [transport, port, region, hour, packets] = fields[..] else {
                panic!("{line}");
            };
            let packets: u64 = packets.parse().unwrap();
            // Echo requests are 0/icmp in a snapshot, as in rankings; both versions of them.
            let (transport, port) = match transport {
                "icmp" | "icmpv6" => ("icmp", 0),
                other => (other, port.parse().unwrap()),
            };
            let key = (transport.to_owned(), port, region.to_owned());
            *pairs.entry(key).or_default() += packets;
            *hours.entry(hour.parse().unwrap()).or_default() += packets;
        }
        let said: BTreeMap<_, _> = self
            .snapshot
            .port_regions
            .iter()
            .map(|row| {
                let key = (row.transport.clone(), row.port, row.source_region.clone());
                (key, row.packets)
            })
            .collect();
        assert!(said.len() > 1_000, "{} rows say little", said.len());
        assert_eq!(self.snapshot.port_regions_other.packets, 0);
        assert_eq!(pairs, said);
        // The hours' scans as the kernel's side of the pipeline counts them, apart from all cells.
        let counted: BTreeMap<i64, u64> = rows::<CoverageRow>(&self.records())
            .into_iter()
            .map(|row| (row.hour.0 / 1_000_000, count(row.class_scan)))
            .collect();
        assert_eq!(hours, counted);
        println!(
            "{} rows by port, region and hour agree",
            answer.lines().count() - 1
        );
    }
}

/// Every table has all packets that the sensor observed.
fn compare_sums(run: &Run, answer: &str) {
    let found: BTreeMap<&str, u64> = answer
        .lines()
        .skip(1)
        .map(|line| {
            let (table, packets) = line.split_once(',').unwrap();
            (table, packets.parse().unwrap())
        })
        .collect();
    let observed: u64 = run.snapshot.classes.values().sum();
    assert!(observed > 1_000, "{observed} packets say little");
    let wanted: BTreeMap<&str, u64> = SUMS.map(|(table, _)| (table, observed)).into();
    assert_eq!(found, wanted);
    println!("{} tables have all {observed} packets", found.len());
}

fn main() -> ExitCode {
    let run: Arc<OnceLock<Run>> = Arc::default();
    let trials = [
        ("duckdb_counts_what_the_sensor_counted", duckdb as Engine),
        ("datafusion_counts_what_the_sensor_counted", datafusion),
    ];
    let engines = trials.map(|(name, engine)| {
        let run = Arc::clone(&run);
        Trial::ignorable_test(name, move || {
            if env::var_os("TEITEN_TEST_FULL").is_none() {
                return Ok(skipped(
                    "another engine is installed or compiled: run with --full",
                ));
            }
            let run = run.get_or_init(Run::new);
            let answers = (
                engine(&run.records(), QUESTION)?,
                engine(&run.records(), &sums())?,
            );
            Ok(match answers {
                (Ok(rows), Ok(sums)) => {
                    run.compare(&rows);
                    compare_sums(run, &sums);
                    Completion::Completed
                }
                (Err(reason), _) | (_, Err(reason)) => skipped(&reason),
            })
        })
    });
    let mut trials = Vec::from(engines);
    trials.push(Trial::ignorable_test("questions_in_sql_are_answered", || {
        if env::var_os("TEITEN_TEST_FULL").is_none() {
            return Ok(skipped("DataFusion takes minutes to compile: run with --full"));
        }
        said(cargo().args([
            "test",
            "--package",
            "sensor-report",
            "--features",
            "sql",
            "--test",
            "sql",
            "--test",
            "objects",
        ]))?;
        Ok(Completion::Completed)
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Asks a directory of records something: the answer as CSV, or why this engine is not to be had.
type Engine = fn(&Path, &str) -> Result<Result<String, String>, Failed>;

fn skipped(reason: &str) -> Completion {
    println!("skipped: {reason}");
    Completion::ignored_with(reason)
}

/// What a command says; its errors where it fails.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn duckdb(records: &Path, question: &str) -> Result<Result<String, String>, Failed> {
    const PROGRAM: &str = "
import csv, os, re, sys, duckdb
os.chdir(sys.argv[1])
files = r\"FROM read_parquet('\\1/*/*/*.parquet', hive_partitioning = true)\"
question = re.sub(r'FROM (\\w+)', files, sys.argv[2])
answer = duckdb.connect().execute(question)
out = csv.writer(sys.stdout, lineterminator='\\n')
out.writerow([column[0] for column in answer.description])
out.writerows(answer.fetchall())
";
    let folder = tempfile::tempdir()?;
    let python = folder.path().join("bin/python");
    let installed = said(Command::new("python3").args(["-m", "venv"]).arg(folder.path())).and_then(|_| {
        said(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--only-binary=:all:", "duckdb"]))
    });
    if let Err(reason) = installed {
        return Ok(Err(format!("DuckDB cannot be installed from PyPI: {reason}")));
    }
    let answer = said(
        Command::new(python)
            .args(["-c", PROGRAM])
            .arg(records)
            .arg(question),
    );
    Ok(Ok(answer?))
}

/// `teiten-report sql`, which is compiled where it was not.
fn datafusion(records: &Path, question: &str) -> Result<Result<String, String>, Failed> {
    let answer = said(
        cargo()
            .args([
                "run",
                "--quiet",
                "--package",
                "sensor-report",
                "--features",
                "sql",
                "--",
            ])
            .args(["sql", question, "--format", "csv", "--data"])
            .arg(records),
    );
    Ok(Ok(answer?))
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}
