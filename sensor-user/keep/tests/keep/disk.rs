//! Disks that are full, or cannot be written.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount, umount},
    sched::{CloneFlags, unshare},
};
use sensor_keep::{DAY, HOUR, Keeper, Reason, Settings, Status};
use sensor_records::{
    Table,
    rows::{CellRow, CoverageRow, SourceRow},
    verify,
};

use crate::support::{BEGIN, cell, files, interval, open, rows, settings, source};

/// Runs a test on a disk of its own, of so many bytes, which no other thread sees.
fn on_a_small_disk(bytes: u64, test: impl FnOnce(&Path) + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: a disk of one's own takes root");
        return;
    }
    let run = move || {
        let directory = tempfile::tempdir().unwrap();
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        let size = format!("size={bytes}");
        mount(
            Some("tmpfs"),
            directory.path(),
            Some("tmpfs"),
            MsFlags::empty(),
            Some(size.as_str()),
        )
        .unwrap();
        test(directory.path());
        patiently(|| umount(directory.path()));
    };
    thread::spawn(run).join().unwrap();
}

/// A child that another test has just forked holds our files until it executes its program: a disk is busy that long.
fn patiently(change: impl Fn() -> nix::Result<()>) {
    let begun = Instant::now();
    loop {
        match change() {
            Err(Errno::EBUSY) if begun.elapsed() < Duration::from_secs(10) => {
                thread::sleep(Duration::from_millis(1));
            }
            other => return other.unwrap(),
        }
    }
}

fn fill(path: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let piece = vec![1; 1 << 12];
    while file.write_all(&piece).is_ok() {}
    while file.write_all(&[1]).is_ok() {}
}

#[test]
fn a_full_disk_loses_nothing_that_was_committed_and_takes_the_rest_later() {
    on_a_small_disk(16 << 20, |root| {
        let records = root.join("records");
        let mut keeper = open(&records);
        let many = |from: i32, seconds: i64| {
            let sources = (0..200).map(|host| source(&format!("192.0.2.{host}"), from, 1, BEGIN + seconds));
            interval(
                BEGIN,
                (from..from + 200).map(|port| cell(port, 1)).collect(),
                sources.collect(),
            )
        };
        keeper.commit(&many(0, 0), BEGIN).unwrap();
        fill(&root.join("filler"));
        let mut refused = Vec::new();
        for round in 1..20 {
            let next = many(round * 200, i64::from(round));
            if keeper.commit(&next, BEGIN).is_err() {
                refused.push(next);
            }
            // Neither can the hour be closed; nothing of it goes.
            assert!(keeper.maintain(BEGIN + 2 * HOUR).is_err());
        }
        assert!(!refused.is_empty());
        assert_eq!(rows::<CoverageRow>(&records).len(), 0);
        fs::remove_file(root.join("filler")).unwrap();
        for again in &refused {
            keeper.commit(again, BEGIN).unwrap();
        }
        keeper.maintain(BEGIN + 2 * HOUR).unwrap();
        let cells: Vec<CellRow> = rows(&records);
        assert_eq!(cells.len(), 20 * 200);
        assert!(cells.iter().all(|row| row.packets == 1));
        let sources: i64 = rows::<SourceRow>(&records).iter().map(|row| row.packets).sum();
        assert_eq!(sources, 20 * 200);
        assert!(verify(&records).unwrap().faults.is_empty());
    });
}

#[test]
fn a_disk_that_cannot_be_written_is_refused_with_its_cause_until_it_can() {
    on_a_small_disk(4 << 20, |root| {
        let none: Option<&str> = None;
        let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        patiently(|| mount(none, root, none, read_only, none));
        let refused = Keeper::open(settings(&root.join("records")), Arc::default())
            .err()
            .unwrap();
        assert!(refused.to_string().contains("Read-only file system"), "{refused}");
        mount(none, root, none, MsFlags::MS_REMOUNT, none).unwrap();
        let mut keeper = open(&root.join("records"));
        keeper
            .commit(&interval(BEGIN, vec![cell(23, 5)], vec![]), BEGIN)
            .unwrap();
        drop(keeper);
        // What was committed is there, and the disk that turned read-only meanwhile is refused, not the sensor's end.
        patiently(|| mount(none, root, none, read_only, none));
        assert!(Keeper::open(settings(&root.join("records")), Arc::default()).is_err());
        mount(none, root, none, MsFlags::MS_REMOUNT, none).unwrap();
        open(&root.join("records")).close_all().unwrap();
        assert_eq!(rows::<CellRow>(&root.join("records"))[0].packets, 5);
    });
}

#[test]
fn a_disk_over_its_budget_gives_up_sources_first_and_coverage_last() {
    on_a_small_disk(32 << 20, |root| {
        let records = root.join("records");
        let status = Arc::new(Status::default());
        let write = |settings: Settings| {
            let mut keeper = Keeper::open(settings, Arc::clone(&status)).unwrap();
            for hour in 0..30 {
                let time = BEGIN + hour * HOUR;
                let sources = (0..20).map(|host| source(&format!("192.0.2.{host}"), 23, 1, time));
                let interval = interval(time, vec![cell(23, 20)], sources.collect());
                keeper.commit(&interval, time).unwrap();
                keeper.maintain(time + HOUR + 60).unwrap();
            }
        };
        write(settings(&records));
        assert_eq!(rows::<CoverageRow>(&records).len(), 30);
        // What the open hour's log took is free again.
        let look = || {
            let mut keeper = Keeper::open(settings(&records), Arc::clone(&status)).unwrap();
            keeper.maintain(BEGIN + 2 * DAY).unwrap();
        };
        look();
        // A floor a little above what is free takes a few of the oldest sources, and nothing else.
        let mut tight = settings(&records);
        tight.min_free = status.free_bytes() + (64 << 10);
        let mut keeper = Keeper::open(tight, Arc::clone(&status)).unwrap();
        keeper.maintain(BEGIN + 2 * DAY).unwrap();
        let gone = status.removed(Table::Sources, Reason::Disk);
        assert!((1..30).contains(&gone), "{gone}");
        for table in Table::GIVE_WAY.into_iter().skip(1) {
            assert_eq!(status.removed(table, Reason::Disk), 0, "{table}");
        }
        let oldest = rows::<SourceRow>(&records)[0].hour.0 / 1_000_000;
        assert_eq!(oldest, BEGIN + i64::try_from(gone).unwrap() * HOUR);
        drop(keeper);
        // A budget that takes all sources and networks, and some of the cells.
        look();
        let bytes_of = |table| -> u64 {
            let files = files(&records, table);
            files.iter().map(|file| fs::metadata(file).unwrap().len()).sum()
        };
        let too_much = bytes_of(Table::Sources) + bytes_of(Table::Networks) + bytes_of(Table::Cells) / 2;
        let mut none = settings(&records);
        none.max_bytes = Some(status.used_bytes() - too_much);
        let mut keeper = Keeper::open(none, Arc::clone(&status)).unwrap();
        keeper.maintain(BEGIN + 2 * DAY).unwrap();
        assert!(rows::<SourceRow>(&records).is_empty());
        let cells = rows::<CellRow>(&records).len();
        assert!((1..30).contains(&cells), "{cells}");
        assert_eq!(rows::<CoverageRow>(&records).len(), 30);
        let verified = verify(&records).unwrap();
        assert!(verified.faults.is_empty() && verified.removed > 0, "{verified:?}");
        // Without room there are no new rows of sources, and no packet is missing for that.
        let mut starved = settings(&records);
        starved.min_free = u64::MAX;
        drop(keeper);
        let mut keeper = Keeper::open(starved, Arc::clone(&status)).unwrap();
        let time = BEGIN + 3 * DAY;
        keeper.maintain(time).unwrap();
        let sources = vec![source("192.0.2.1", 23, 4, time)];
        keeper
            .commit(&interval(time, vec![cell(23, 4)], sources), time)
            .unwrap();
        keeper.close_all().unwrap();
        let sources: Vec<SourceRow> = rows(&records);
        assert_eq!(
            (sources.len(), sources[0].other, sources[0].packets),
            (1, true, 4)
        );
    });
}

#[test]
fn everything_is_its_owners_alone_the_open_hour_too() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("records");
    let mut keeper = open(&root);
    for time in [BEGIN, BEGIN + HOUR] {
        keeper
            .commit(&interval(time, vec![cell(23, 5)], vec![]), time)
            .unwrap();
    }
    keeper.maintain(BEGIN + HOUR + 60).unwrap();
    let (mut folders, mut names) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o7777,
            0o700
        );
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            names.push(entry.file_name().into_string().unwrap());
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600, "{}", entry.path().display());
        }
    }
    names.sort();
    assert_eq!(
        names,
        [
            "00.parquet",
            "00.parquet",
            "SHA256SUMS",
            "a.sqlite",
            "a.sqlite-wal"
        ]
    );
}
