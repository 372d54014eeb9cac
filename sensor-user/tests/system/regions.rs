//! The region database of a running sensor: used, read anew, and kept when the new one is bad.

use std::{collections::BTreeMap, fs, path::Path};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sensor_lab::frames::{Ipv4, Tcp};
use tempfile::TempDir;

use crate::{Test, daemon::Daemon, network, traffic};

pub const TESTS: [Test; 1] = [("a_hangup_reads_the_region_database_anew", hangup)];

/// 8.8.8.0/24.
const OLD: &str = "134744064,134744319,US\n";
const NEW: &str = "134744064,134744319,JP\n";

/// As packages do it: write aside, then rename.
fn replace(path: &Path, text: &str) {
    let aside = path.with_extension("new");
    fs::write(&aside, text).unwrap();
    fs::rename(aside, path).unwrap();
}

fn regions(daemon: &Daemon<'_>, seen: u64) -> BTreeMap<String, u64> {
    let snapshot = daemon.at_rest(seen);
    let rows = snapshot.source_regions.into_iter();
    rows.map(|row| (row.source_region, row.packets)).collect()
}

fn hangup() {
    let network = network("regions");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("geoip");
    fs::write(&path, OLD).unwrap();
    let tables = format!("[regions]\ncountry = ['{}']\n", path.display());
    let run = ["-i", "rx", "--watch", "198.51.100.0/24"];
    let mut daemon = Daemon::start_configured(&network, &tables, &run);
    let frames = |count: usize| {
        let from = |source: [u8; 4]| Ipv4 {
            source: source.into(),
            ..Ipv4::to([198, 51, 100, 1].into())
        };
        [
            vec![from([8, 8, 8, 8]).frame(Tcp::syn(23)); count],
            vec![from([9, 9, 9, 9]).frame(Tcp::syn(23)); 1],
        ]
        .concat()
    };
    traffic::send(&network, &frames(3));
    let expected = BTreeMap::from([("US".to_owned(), 3), ("ZZ".to_owned(), 1)]);
    assert_eq!(regions(&daemon, 4), expected);

    let hang_up = || kill(Pid::from_raw(daemon.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    hang_up();
    daemon.await_log("the region database is the one in use");

    replace(&path, "134744064,134744319,Utopia\n");
    daemon.await_log("the new region database is refused");
    assert_eq!(daemon.get("/readyz").status, 200);
    replace(&path, NEW);
    daemon.await_log("region database loaded anew");
    // One table serves all records up to the end of a tick.
    daemon.next_tick();
    traffic::send(&network, &frames(5));
    let expected = BTreeMap::from([("JP".to_owned(), 5), ("US".to_owned(), 3), ("ZZ".to_owned(), 2)]);
    assert_eq!(regions(&daemon, 10), expected);
}
