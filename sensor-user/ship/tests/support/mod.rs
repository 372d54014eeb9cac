//! Records to ship, and what arrived of them.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use sensor_records::{Existing, Micros, Writer, rows::CellRow};
use sensor_ship::{Shipper, Status, Target};
use tokio::{sync::watch, task::JoinHandle};

/// 2022-12-02 00:00 UTC.
pub const BEGIN: i64 = 1_669_939_200;
/// Times between two tries, for tests that do not want to wait.
pub const QUICK: Duration = Duration::from_millis(50);

/// Closed hours of two sensors.
pub fn records(root: &Path, hours: i64) {
    for sensor in ["a", "b"] {
        let writer = Writer::open(root, sensor).unwrap();
        for hour in 0..hours {
            write(&writer, hour);
        }
    }
}

/// Closes one hour.
pub fn write(writer: &Writer, hour: i64) {
    let mut rows: Vec<_> = (0..50)
        .map(|port| CellRow {
            hour: Micros::from_seconds(BEGIN + hour * 3_600),
            transport: "tcp".to_owned(),
            class: "scan".to_owned(),
            port: Some(port),
            packets: hour + 1,
            ..CellRow::default()
        })
        .collect();
    writer
        .write(BEGIN + hour * 3_600, &mut rows, &Existing::Refuse)
        .unwrap();
}

/// The files of a sensor below a directory, with their bytes.
pub fn files(root: &Path, sensor: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = ["cells", "manifest"].map(|folder| root.join(folder)).to_vec();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(&format!("sensor={sensor}/")) {
                let within = path.strip_prefix(root).unwrap().to_owned();
                match fs::read(&path) {
                    Ok(bytes) => drop(found.insert(within, bytes)),
                    // Files that are being written have another name until they are whole.
                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
                }
            }
        }
    }
    found
}

/// Starts to ship the records of sensor `a` in the background, until the sender is dropped.
pub fn ship(
    root: &Path,
    target: Target,
    status: &std::sync::Arc<Status>,
) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (stop, stopped) = watch::channel(false);
    let shipper = Shipper::new(root, "a", target, std::sync::Arc::clone(status));
    let shipper = shipper.with_times(QUICK, (QUICK, QUICK * 4));
    (stop, tokio::spawn(shipper.run(stopped)))
}

/// Waits for something that has to come about.
pub async fn wait_for(what: &str, done: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} did not come about within a minute");
}
