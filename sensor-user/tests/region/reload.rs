//! The table in use is replaced as a whole, or not at all.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use teiten::region::{Changed, RegionError, RegionHandle, RegionSources};
use tempfile::TempDir;

const OLD: &str = "16777216,16777471,AU\n134744064,134744319,US\n";
const NEW: &str = "16777216,16777471,CN\n134744064,134744319,JP\n";

fn start(text: &str) -> (TempDir, PathBuf, RegionHandle) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("geoip");
    fs::write(&path, text).unwrap();
    let handle = RegionHandle::load(RegionSources {
        regions: vec![path.clone()],
        systems: None,
    });
    (directory, path, handle.unwrap())
}

/// As packages do it: write aside, then rename.
fn replace(path: &Path, text: &str) {
    let aside = path.with_extension("new");
    fs::write(&aside, text).unwrap();
    fs::rename(aside, path).unwrap();
}

fn region(handle: &RegionHandle) -> &'static str {
    handle.table().lookup_ip("8.8.8.8".parse().unwrap()).code()
}

#[test]
fn a_new_file_replaces_the_table_and_says_what_changed() {
    let (_directory, path, handle) = start(OLD);
    let held = handle.table();
    replace(&path, NEW);
    assert_eq!(region(&handle), "US");
    let Changed::Yes { before, after } = handle.reload().unwrap() else {
        panic!("nothing changed");
    };
    assert_eq!(region(&handle), "JP");
    assert_eq!(held.lookup_ip("8.8.8.8".parse().unwrap()).code(), "US");
    assert_eq!(before.info(), held.info());
    assert_eq!(after.info(), handle.table().info());
    assert_ne!(before.info().regions[0].sha256, after.info().regions[0].sha256);
    assert!(matches!(handle.reload(), Ok(Changed::No)));
}

#[test]
fn a_bad_file_leaves_the_table_in_use_as_it_is() {
    let (_directory, path, handle) = start(OLD);
    for bad in [
        "",
        "# nothing\n",
        "1,2\n",
        &NEW[..NEW.len() - 3],
        "134744064,134744319,JP\n1,2,JP\n",
    ] {
        replace(&path, bad);
        assert!(handle.reload().is_err(), "{bad:?}");
        assert_eq!(region(&handle), "US");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(handle.reload(), Err(RegionError::Read { .. })));
    assert_eq!(region(&handle), "US");
    replace(&path, NEW);
    assert!(matches!(handle.reload(), Ok(Changed::Yes { .. })));
    assert_eq!(region(&handle), "JP");
}

#[test]
fn a_file_cut_between_lines_is_taken_for_what_it_is() {
    let lines = |count: usize, code: &str| -> String {
        let mut text = String::new();
        for number in (0x0800_0000..).step_by(2).take(count) {
            writeln!(text, "{number},{number},{code}").unwrap();
        }
        text
    };
    let (_directory, path, handle) = start(&lines(100, "US"));
    replace(&path, &lines(49, "JP"));
    let refused = handle.reload().unwrap_err();
    assert!(
        matches!(
            refused,
            RegionError::Shrunk {
                before: 100,
                after: 49,
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(handle.table().lookup_ip("8.0.0.0".parse().unwrap()).code(), "US");
    replace(&path, &lines(50, "JP"));
    assert!(matches!(handle.reload(), Ok(Changed::Yes { .. })));
    assert_eq!(handle.table().lookup_ip("8.0.0.0".parse().unwrap()).code(), "JP");
}

#[test]
fn a_change_is_told_once_it_has_settled_and_until_the_next_reload() {
    let (_directory, path, handle) = start(OLD);
    assert!(!handle.poll_changed() && !handle.poll_changed());
    // A writer that is not yet done at the next poll.
    fs::write(&path, &NEW[..30]).unwrap();
    assert!(!handle.poll_changed(), "seen for the first time");
    fs::write(&path, NEW).unwrap();
    assert!(!handle.poll_changed(), "it changed again");
    assert!(handle.poll_changed() && handle.poll_changed());
    assert!(matches!(handle.reload(), Ok(Changed::Yes { .. })));
    assert!(!handle.poll_changed() && !handle.poll_changed());
}

#[test]
fn a_bad_file_is_told_once_and_not_at_every_tick() {
    let (_directory, path, handle) = start(OLD);
    replace(&path, "rubbish\n");
    assert!(!handle.poll_changed());
    assert!(handle.poll_changed());
    assert!(handle.reload().is_err());
    assert!(!handle.poll_changed() && !handle.poll_changed());
    replace(&path, NEW);
    assert!(!handle.poll_changed());
    assert!(handle.poll_changed());
}

#[test]
fn a_missing_file_is_no_change_until_there_is_a_new_one() {
    let (_directory, path, handle) = start(OLD);
    fs::remove_file(&path).unwrap();
    assert!(!handle.poll_changed() && !handle.poll_changed());
    fs::write(&path, NEW).unwrap();
    assert!(!handle.poll_changed());
    assert!(handle.poll_changed());
}

#[test]
fn look_ups_during_reloads_see_one_table_or_the_other() {
    let (_directory, path, handle) = start(OLD);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looker = scope.spawn(|| {
            let mut seen = [0_u64; 2];
            while !done.load(Ordering::Relaxed) {
                let table = handle.table();
                let pair = ["1.0.0.1", "8.8.8.8"].map(|text| table.lookup_ip(text.parse().unwrap()).code());
                match pair {
                    ["AU", "US"] => seen[0] += 1,
                    ["CN", "JP"] => seen[1] += 1,
                    other => panic!("{other:?}"),
                }
            }
            seen
        });
        for round in 0..40 {
            replace(&path, if round % 2 == 0 { NEW } else { OLD });
            assert!(matches!(handle.reload(), Ok(Changed::Yes { .. })));
        }
        done.store(true, Ordering::Relaxed);
        let seen = looker.join().unwrap();
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    });
}

#[test]
fn without_a_database_there_is_nothing_to_reload() {
    let handle = RegionHandle::without_database();
    assert!(!handle.poll_changed());
    assert!(matches!(handle.reload(), Ok(Changed::No)));
    assert_eq!(region(&handle), "ZZ");
}
