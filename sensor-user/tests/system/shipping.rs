//! The sensor that ships its records: behind its fence, beside its counting.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::sys::signal::Signal;
use sensor_lab::frames::{Ipv4, Tcp};
use sensor_records::{Existing, Micros, Writer, rows::CellRow, verify};

use crate::{Test, daemon::Daemon, network, traffic};

pub const TESTS: [Test; 1] = [(
    "closed_files_are_shipped_to_a_directory_by_a_sensor_behind_its_fence",
    shipped,
)];

const HOURS: i64 = 30;
const PATIENCE: Duration = Duration::from_secs(30);

/// Hours that a sensor closed before it was offline.
fn closed_hours(root: &Path) {
    // Ten days ago: young enough to be kept.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let begin = i64::try_from(now / 86_400 - 10).unwrap() * 86_400;
    let writer = Writer::open(root, "lab").unwrap();
    for hour in 0..HOURS {
        let mut rows = [CellRow {
            hour: Micros::from_seconds(begin + hour * 3_600),
            transport: "tcp".to_owned(),
            class: "scan".to_owned(),
            packets: hour + 1,
            ..CellRow::default()
        }];
        writer
            .write(begin + hour * 3_600, &mut rows, &Existing::Refuse)
            .unwrap();
    }
}

fn all_files(root: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

fn shipped() {
    let network = network("shipping");
    let directory = tempfile::tempdir().unwrap();
    let (root, to) = (directory.path().join("records"), directory.path().join("to"));
    closed_hours(&root);
    let tables = format!(
        "[sensor]\nid = \"lab\"\n[records]\ndirectory = \"{}\"\nmin_free = \"0 B\"\n[ship]\nto = \"{}\"\n",
        root.display(),
        to.display()
    );
    let arguments = ["-i", "rx", "--watch", "198.51.100.0/24"];
    let daemon = Daemon::start_configured(&network, &tables, &arguments);
    let probe = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    traffic::send(&network, &vec![probe; 100]);
    let start = Instant::now();
    let said = |line: &str| daemon.get("/metrics").body.lines().any(|found| found == line);
    while !said(&format!("teiten_ship_files_total {HOURS}")) || !said("teiten_ship_backlog_files 0") {
        assert!(start.elapsed() < PATIENCE, "{}", daemon.get("/metrics").body);
        thread::sleep(Duration::from_millis(100));
    }
    daemon.at_rest(100);
    daemon.stop(Signal::SIGTERM).assert_clean();
    let there = verify(&to).unwrap();
    assert_eq!(
        (there.files, there.faults),
        (usize::try_from(HOURS).unwrap(), vec![])
    );
    for file in all_files(&to) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{}", file.display());
        let within = file.strip_prefix(&to).unwrap();
        assert_eq!(fs::read(&file).unwrap(), fs::read(root.join(within)).unwrap());
    }
}
