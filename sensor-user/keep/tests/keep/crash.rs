//! Deaths in the middle of writing.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use sensor_keep::{DAY, HOUR};
use sensor_records::{
    Table, read_rows,
    rows::{CellRow, CoverageRow, DailyCellRow, SourceRow},
    verify,
};

use crate::support::{BEGIN, cell, files, interval, open, rows, source};

/// Where the child writes.
const DIRECTORY: &str = "TEITEN_KEEP_CHILD";
/// Intervals to an hour of the child's time: few, so that much of its life is closing hours and days.
const TO_AN_HOUR: i64 = 8;
/// Deaths, in the fast tier and in full.
const DEATHS: (usize, usize) = (40, 1_000);

/// Not a test of its own: what the test below kills. Each interval is one packet; its number is printed when it is
/// committed.
#[test]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY) else {
        return;
    };
    let root = Path::new(&directory);
    let mut keeper = open(root);
    let mut number: i64 = env::var("TEITEN_KEEP_NEXT").unwrap().parse().unwrap();
    loop {
        let now = BEGIN + number * HOUR / TO_AN_HOUR;
        let hour = sensor_keep::hour_of(now);
        let sources = vec![source("192.0.2.1", 23, 1, now)];
        keeper
            .commit(&interval(hour, vec![cell(23, 1)], sources), now)
            .unwrap();
        println!("committed {number}");
        keeper.maintain(now).unwrap();
        number += 1;
    }
}

/// Counts packets in files and in the open hours, reading each file once.
#[derive(Default)]
struct Count {
    known: BTreeMap<PathBuf, i64>,
}

impl Count {
    /// The open hours are closed in a copy, so that the next life finds them open. An hour whose files are there and that
    /// is open still was not forgotten before the death: it counts once.
    fn packets(&mut self, root: &Path) -> i64 {
        let copy = tempfile::tempdir().unwrap();
        let status = Command::new("cp")
            .arg("-a")
            .arg(root.join(".open"))
            .arg(copy.path())
            .status();
        assert!(status.unwrap().success());
        open(copy.path()).close_all().unwrap();
        assert!(verify(copy.path()).unwrap().faults.is_empty());
        let mut open_hours = BTreeMap::new();
        look(copy.path(), &mut open_hours);
        let mut closed = std::mem::take(&mut self.known);
        look(root, &mut closed);
        self.known.clone_from(&closed);
        closed.extend(open_hours);
        closed.values().sum()
    }
}

/// What each file of the coverage says that was recorded.
fn look(root: &Path, known: &mut BTreeMap<PathBuf, i64>) {
    for path in files(root, Table::Coverage) {
        let within = path.strip_prefix(root).unwrap().to_owned();
        known.entry(within).or_insert_with(|| {
            let rows: Vec<CoverageRow> = read_rows(&path).unwrap();
            rows.iter().map(|row| row.recorded).sum()
        });
    }
}

#[test]
fn a_death_at_any_point_loses_nothing_that_was_committed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let full = env::var_os("TEITEN_TEST_FULL").is_some();
    let deaths = if full { DEATHS.1 } else { DEATHS.0 };
    let mut random = fastrand::Rng::with_seed(8);
    let mut next = 0;
    let mut count = Count::default();
    for death in 0..deaths {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--nocapture"])
            .env(DIRECTORY, root)
            .env("TEITEN_KEEP_NEXT", next.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // It dies some time after one of its commits, at no point that it could know.
        let commits = random.usize(1..=24);
        let mut committed = next - 1;
        let number_of = |line: String| line.strip_prefix("committed ")?.parse().ok();
        let mut seen = 0;
        while seen < commits {
            let line = lines.next().unwrap().unwrap();
            if let Some(number) = number_of(line) {
                committed = number;
                seen += 1;
            }
        }
        thread::sleep(Duration::from_micros(random.u64(0..20_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        committed = lines
            .map_while(Result::ok)
            .filter_map(number_of)
            .last()
            .unwrap_or(committed);
        // Each interval from the first on is there once; the last may be there though its line is not.
        if death % 20 == 0 {
            let verified = verify(root).unwrap();
            assert!(verified.is_whole(), "death {death}: {verified:?}");
        }
        next = count.packets(root);
        assert!(
            (committed + 1..=committed + 2).contains(&next),
            "death {death}: {next} of {}",
            committed + 1
        );
    }
    let mut keeper = open(root);
    let end = BEGIN + next * HOUR / TO_AN_HOUR + 2 * DAY;
    keeper.maintain(end).unwrap();
    for total in [
        rows::<CellRow>(root).iter().map(|row| row.packets).sum::<i64>(),
        rows::<SourceRow>(root).iter().map(|row| row.packets).sum(),
        rows::<CoverageRow>(root).iter().map(|row| row.recorded).sum(),
        rows::<CoverageRow>(root).iter().map(|row| row.observed).sum(),
        rows::<DailyCellRow>(root).iter().map(|row| row.packets).sum(),
    ] {
        assert_eq!(total, next);
    }
    let hours = i64::try_from(files(root, Table::Coverage).len()).unwrap();
    assert_eq!(hours, (next - 1) / TO_AN_HOUR + 1);
    let verified = verify(root).unwrap();
    assert!(verified.faults.is_empty(), "{verified:?}");
    eprintln!("{deaths} deaths, {next} commits, {hours} hours, none lost");
}
