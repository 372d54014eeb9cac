//! Records of the live sensor: what it counted, on disks that fail as well.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::signal::Signal,
};
use sensor_keep::{Keeper, Settings};
use sensor_lab::{
    frames::{Edit as _, Ipv4, Tcp},
    network::Network,
};
use sensor_records::{
    Row,
    rows::{CellRow, CoverageRow, SourceRow, UniqueRow},
    verify,
};
use sensor_sketch::Sketch;

use crate::{
    Test,
    daemon::{Daemon, STOP_PATIENCE},
    network, traffic,
};

pub const TESTS: [Test; 3] = [
    ("records_are_what_the_sensor_counted", recorded),
    ("sketches_are_those_of_the_sensor_and_outlive_its_death", sketched),
    (
        "a_disk_that_fails_stops_neither_counting_nor_metrics_and_loses_nothing",
        failing_disk,
    ),
];

const PORTS: [u16; 4] = [23, 445, 2_323, 5_555];

/// A sensor that writes records there.
fn recording<'network>(network: &'network Network, directory: &Path) -> Daemon<'network> {
    let directory = directory.display();
    let tables = format!("[records]\ndirectory = \"{directory}\"\nmin_free = \"0 B\"\n");
    let arguments = [
        "-i",
        "rx",
        "--watch",
        "198.51.100.0/24",
        "--flush-interval",
        "200ms",
    ];
    Daemon::start_configured(network, &tables, &arguments)
}

/// Scans of the ports in turn, each hundred from another source.
fn scans(count: u32) -> Vec<Vec<u8>> {
    let template = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    (0..count)
        .map(|number| {
            let source = (0x0b00_0000 + number / 100).to_be_bytes();
            let port = PORTS[number as usize % PORTS.len()].to_be_bytes();
            template.clone().with(26, &source).with(36, &port)
        })
        .collect()
}

/// Closes what the sensor left open, and gives all rows of a table.
fn rows<R: Row>(root: &Path) -> Vec<R> {
    let mut rows = Vec::new();
    let mut folders = vec![root.join(R::TABLE.name())];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                rows.extend(sensor_records::read_rows::<R>(&path).unwrap());
            }
        }
    }
    rows
}

fn close(root: &Path) {
    let sensor = fs::read_dir(root.join(".open"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "sqlite"))
        .unwrap();
    let sensor = sensor.file_stem().unwrap().to_str().unwrap().to_owned();
    let settings = Settings {
        min_free: 0,
        ..Settings::new(root.to_owned(), sensor)
    };
    Keeper::open(settings, Arc::default())
        .unwrap()
        .close_all()
        .unwrap();
    assert!(verify(root).unwrap().faults.is_empty());
}

fn assert_recorded(root: &Path, sent: u32) {
    close(root);
    let cells: Vec<CellRow> = rows(root);
    let mut ports: BTreeMap<i32, i64> = BTreeMap::new();
    for cell in &cells {
        assert_eq!((cell.transport.as_str(), cell.class.as_str()), ("tcp", "scan"));
        *ports.entry(cell.port.unwrap()).or_default() += cell.packets;
    }
    let each = i64::from(sent) / i64::try_from(PORTS.len()).unwrap();
    let expected: BTreeMap<_, _> = PORTS.iter().map(|port| (i32::from(*port), each)).collect();
    assert_eq!(ports, expected);
    let sources: Vec<SourceRow> = rows(root);
    assert_eq!(
        sources.iter().map(|row| row.packets).sum::<i64>(),
        i64::from(sent)
    );
    let sources: std::collections::BTreeSet<_> = sources.into_iter().filter_map(|row| row.source).collect();
    assert_eq!(sources.len(), sent.div_ceil(100) as usize);
    let coverage: Vec<CoverageRow> = rows(root);
    let sum = |of: fn(&CoverageRow) -> i64| coverage.iter().map(of).sum::<i64>();
    assert_eq!(
        (sum(|row| row.observed), sum(|row| row.recorded)),
        (sent.into(), sent.into())
    );
    assert_eq!(
        (sum(|row| row.class_scan), sum(|row| row.unrecorded)),
        (sent.into(), 0)
    );
    assert!(
        coverage
            .iter()
            .any(|row| row.seconds_observed > 0.0 && row.starts == 1)
    );
}

fn recorded() {
    let network = network("records");
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("records");
    let daemon = recording(&network, &root);
    traffic::send(&network, &scans(4_000));
    daemon.at_rest(4_000);
    daemon.stop(Signal::SIGTERM).assert_clean();
    assert_recorded(&root, 4_000);
}

/// About how many sources the closed files have in a dimension: over an hour's turn, the sketches of both hours together.
fn unique_sources(uniques: &[UniqueRow], dimension: &str, port: Option<i32>, region: Option<&str>) -> u64 {
    let sketches = uniques
        .iter()
        .filter(|row| {
            row.dimension == dimension && row.port == port && row.source_region.as_deref() == region
        })
        .map(|row| Sketch::from_bytes(&row.sketch).unwrap());
    let merged = sketches.reduce(|one, other| one.merged(&other).unwrap());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "estimates of some hundred"
    )]
    merged.map_or(0, |sketch| sketch.estimate().round() as u64)
}

fn sketched() {
    let network = network("records-sketches");
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("records");
    // One key for both lives, or their sketches could not be merged.
    let state = directory.path().join("state");
    let start = || {
        let tables = format!(
            "[records]\ndirectory = \"{}\"\nmin_free = \"0 B\"\n[sensor]\nstate_directory = \"{}\"\n",
            root.display(),
            state.display()
        );
        let arguments = [
            "-i",
            "rx",
            "--watch",
            "198.51.100.0/24",
            "--flush-interval",
            "200ms",
        ];
        Daemon::start_configured(&network, &tables, &arguments)
    };
    let packets = scans(12_000);
    let (first, second) = packets.split_at(8_000);
    let daemon = start();
    traffic::send(&network, first);
    daemon.at_rest(8_000);
    // Sketches are due every second here, and each interval is one commit.
    let commits = metric(&daemon, "teiten_records_commits_total");
    await_metric(&daemon, "teiten_records_commits_total", |now| {
        now > commits + 20.0
    });
    daemon.stop(Signal::SIGKILL);
    let daemon = start();
    traffic::send(&network, second);
    let snapshot = daemon.at_rest(4_000);
    daemon.stop(Signal::SIGTERM).assert_clean();
    close(&root);
    let uniques: Vec<UniqueRow> = rows(&root);
    // What the sensor itself says of its second life, and what both lives come to.
    assert_eq!(snapshot.unique_sources.all, 40);
    assert_eq!(unique_sources(&uniques, "all", None, None), 120);
    for region in &snapshot.source_regions {
        let both = unique_sources(&uniques, "region", None, Some(&region.source_region));
        assert_eq!(Some(both), region.sources.map(|sources| sources * 3));
    }
    for port in [23, 445] {
        assert_eq!(unique_sources(&uniques, "port", Some(port), None), 120, "{port}");
    }
    assert_eq!(unique_sources(&uniques, "iot_syn", None, None), 120);
    let coverage: Vec<CoverageRow> = rows(&root);
    let observed: f64 = coverage.iter().map(|row| row.seconds_observed).sum();
    let sketched: f64 = coverage.iter().filter_map(|row| row.uniques_seconds).sum();
    assert!(
        sketched > 0.0 && sketched <= observed && observed - sketched < 60.0,
        "{sketched} s of {observed} s"
    );
}

/// A small disk of one's own; dropping it takes it away.
struct Disk {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Disk {
    const NONE: Option<&'static str> = None;

    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let size = Some("size=8m");
        mount(Some("tmpfs"), &path, Some("tmpfs"), MsFlags::empty(), size).unwrap();
        Self {
            path,
            _directory: directory,
        }
    }

    fn set(&self, flags: MsFlags) {
        mount(
            Self::NONE,
            &self.path,
            Self::NONE,
            MsFlags::MS_REMOUNT | flags,
            Self::NONE,
        )
        .unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
    }
}

/// The value of a metric without labels.
fn metric(daemon: &Daemon<'_>, name: &str) -> f64 {
    let text = daemon.get("/metrics").body;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().parse().unwrap()
}

fn await_metric(daemon: &Daemon<'_>, name: &str, holds: impl Fn(f64) -> bool) {
    let deadline = Instant::now() + STOP_PATIENCE * 3;
    while !holds(metric(daemon, name)) {
        assert!(Instant::now() < deadline, "{name} stays {}", metric(daemon, name));
        thread::sleep(Duration::from_millis(100));
    }
}

fn failing_disk() {
    let network = network("records-disk");
    let disk = Disk::new();
    let root = disk.path.join("records");
    // It cannot be written from the start.
    disk.set(MsFlags::MS_RDONLY);
    let mut daemon = recording(&network, &root);
    traffic::send(&network, &scans(4_000));
    daemon.at_rest(4_000);
    let line = daemon.await_log("records cannot be written; counting goes on");
    assert!(
        line["error"].as_str().unwrap().contains("Read-only file system"),
        "{line}"
    );
    await_metric(&daemon, "teiten_records_failures_total", |failures| {
        failures >= 1.0
    });
    disk.set(MsFlags::empty());
    await_metric(&daemon, "teiten_records_commits_total", |commits| commits >= 2.0);
    // Then it is full.
    let mut filler = OpenOptions::new()
        .create(true)
        .append(true)
        .open(disk.path.join("filler"))
        .unwrap();
    while filler.write_all(&[1; 1 << 12]).is_ok() {}
    let failures = metric(&daemon, "teiten_records_failures_total");
    traffic::send(&network, &scans(4_000));
    daemon.at_rest(8_000);
    await_metric(&daemon, "teiten_records_failures_total", |now| now > failures);
    // An open file keeps its room.
    drop(filler);
    fs::remove_file(disk.path.join("filler")).unwrap();
    let commits = metric(&daemon, "teiten_records_commits_total");
    await_metric(&daemon, "teiten_records_commits_total", |now| now > commits + 1.0);
    // It said errors, as it should; it ends like any other all the same.
    assert_eq!(daemon.stop(Signal::SIGTERM).status.code(), Some(0));
    close(&root);
    let coverage: Vec<CoverageRow> = rows(&root);
    assert!(coverage.iter().map(|row| row.write_failures).sum::<i64>() >= 2);
    let recorded: i64 = rows::<CellRow>(&root).iter().map(|row| row.packets).sum();
    assert_eq!(recorded, 8_000);
    assert_eq!(coverage.iter().map(|row| row.observed).sum::<i64>(), 8_000);
}
