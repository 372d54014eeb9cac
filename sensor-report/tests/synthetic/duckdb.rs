//! DuckDB reads the same files, and counts the same.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::{Completion, Failed};

use super::{World, truth};

pub(crate) const NAME: &str = "duckdb_counts_what_was_drawn_with_the_documented_statements";
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/questions.md");
/// It needs `pytz` to give times with a zone to Python.
const PACKAGES: [&str; 2] = ["duckdb", "pytz"];

/// Runs every statement that the documentation has for DuckDB, and holds the answer of the one by port, region and
/// hour against the truth.
pub(crate) fn agrees(world: &World) -> Result<Completion, Failed> {
    if !env::var("TEITEN_TEST_FULL").is_ok_and(|value| value == "1") {
        return Ok(Completion::ignored_with(
            "takes DuckDB from PyPI: set TEITEN_TEST_FULL=1",
        ));
    }
    let folder = tempfile::tempdir()?;
    let Some(python) = python(folder.path()) else {
        return Ok(Completion::ignored_with(
            "DuckDB could not be installed from PyPI: python3-venv and the network are needed",
        ));
    };
    let statements = statements()?;
    assert!(statements.len() >= 4, "{}", statements.len());
    for statement in &statements {
        let rows = ask(&python, world.directory.path(), statement)?;
        assert!(!rows.is_empty(), "no rows: {statement}");
    }
    by_port_region_and_hour(world, &python, &statements)?;
    Ok(Completion::Completed)
}

/// An interpreter of a virtual environment that has DuckDB.
fn python(folder: &Path) -> Option<PathBuf> {
    let done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let python = folder.join("bin/python");
    (done(Command::new("python3").args(["-m", "venv"]).arg(folder))
        && done(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet"])
                .args(PACKAGES),
        ))
    .then_some(python)
}

/// The blocks of the page that are marked for DuckDB.
pub(crate) fn statements() -> Result<Vec<String>, Failed> {
    let page = fs::read_to_string(PAGE)?;
    let blocks = page.split("```sql duckdb\n").skip(1);
    Ok(blocks
        .filter_map(|block| block.split_once("```").map(|(text, _)| text.to_owned()))
        .collect())
}

/// A statement's rows as JSON, from a directory of records.
fn ask(python: &Path, directory: &Path, statement: &str) -> Result<Vec<Vec<serde_json::Value>>, Failed> {
    const PROGRAM: &str = "
import json, os, sys, duckdb
os.chdir(sys.argv[1])
connection = duckdb.connect()
connection.execute(\"SET enable_progress_bar = false\")
connection.execute(\"SET TimeZone = 'UTC'\")
for statement in sys.argv[2].split(';'):
    if statement.strip():
        answer = connection.execute(statement)
print(json.dumps(answer.fetchall(), default=str))
";
    let output = Command::new(python)
        .args(["-c", PROGRAM])
        .arg(directory)
        .arg(statement)
        .output()?;
    if !output.status.success() {
        return Err(format!("{statement}\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).map_err(|error| format!("{statement}\n{error}: {text:.200}").into())
}

/// Sensor, port and region: packets of the later quarter in Japan's time.
fn by_port_region_and_hour(world: &World, python: &Path, statements: &[String]) -> Result<(), Failed> {
    let statement = statements
        .iter()
        .find(|statement| statement.contains("-- packets by port, region and hour"))
        .ok_or("the page has no statement by port, region and hour")?;
    let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
    let (from, to) = (&world.truth.later.from, &world.truth.later.to);
    for row in ask(python, world.directory.path(), statement)? {
        let hour = row[0].as_str().ok_or("no hour")?.replace(' ', "T");
        let hour: jiff::Timestamp = hour.replace("+00:00", "Z").parse()?;
        if !(from.parse::<jiff::Timestamp>()?..to.parse()?).contains(&hour) {
            continue;
        }
        let port = match row[1].as_str().ok_or("no transport")? {
            "icmp" => "0/icmp".to_owned(),
            transport => format!("{}/{transport}", row[2]),
        };
        let region = row[3].as_str().ok_or("no region")?.to_owned();
        *counted.entry((region, port)).or_default() += row[4].as_u64().ok_or("no packets")?;
    }
    let mut drawn: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (region, ports) in world
        .truth
        .later
        .sensors
        .values()
        .flat_map(|sensor| &sensor.cells)
    {
        for (port, packets) in ports {
            *drawn.entry((region.clone(), port.clone())).or_default() += packets;
        }
    }
    assert_eq!(counted, drawn);
    assert!(truth::domestic(&world.truth.later).len() == 3);
    Ok(())
}
