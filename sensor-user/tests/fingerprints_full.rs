//! No capture of Debian's source packages has the mark of a tool, but for those where the tool is known to have been.
//!
//! `cargo xtask compare` fetches the captures into `target/captures`; `TEITEN_CAPTURES` names another folder. Without them, or
//! without `--full`, the test is reported as ignored, with the reason.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use teiten::{region::RegionTable, replay::Replay};

/// Packages whose sources are mostly captures.
const PACKAGES: [&str; 3] = ["ndpi", "tcpdump", "wireshark"];

/// Captures with marks: the file, the tool, how sure, how many packets. Why each has them stands in `docs/fingerprints.md`.
const EXPLAINED: &[(&str, &str, &str, u64)] = &[
    // The third packet of the scan asks for a third port.
    ("synscan.pcap", "nmap", "likely", 2),
    ("synscan.pcap", "nmap", "sure", 1_992),
];

fn main() -> ExitCode {
    let trial = Trial::ignorable_test("a_capture_has_no_mark_that_is_not_explained", || {
        match obstacle() {
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None => a_capture_has_no_mark_that_is_not_explained().map(|()| Completion::Completed),
        }
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/captures");
    env::var_os("TEITEN_CAPTURES").map_or(here, PathBuf::from)
}

fn obstacle() -> Option<String> {
    if env::var("TEITEN_TEST_FULL").is_ok_and(|value| value == "1") {
        let folder = folder();
        let missing = PACKAGES.iter().find(|package| !folder.join(package).is_dir())?;
        Some(format!(
            "{} has no captures of {missing}: `cargo xtask compare` fetches them",
            folder.display()
        ))
    } else {
        Some("reads 1,300 captures: set TEITEN_TEST_FULL=1".to_owned())
    }
}

fn a_capture_has_no_mark_that_is_not_explained() -> Result<(), Failed> {
    let mut files = Vec::new();
    for package in PACKAGES {
        find(&folder().join(package), &mut files)?;
    }
    assert!(files.len() > 1_000, "{} files", files.len());
    let regions = Arc::new(RegionTable::without_database());
    let mut found = BTreeMap::new();
    let mut observed = 0;
    for file in &files {
        let replay = Replay {
            files: vec![file.clone()],
            watch: Vec::new(),
            regions: Arc::clone(&regions),
            sensor: String::new(),
            records: None,
        };
        // Some are broken on purpose; what comes before the break counts.
        let snapshot = replay.run()?.snapshot;
        observed += snapshot.conservation.observed;
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for row in snapshot.tools {
            *found.entry((name.clone(), row.tool, row.certainty)).or_insert(0) += row.packets;
        }
    }
    assert!(observed > 100_000, "{observed} packets were read");
    let found: Vec<_> = found
        .iter()
        .map(|((name, tool, certainty), packets)| {
            (name.as_str(), tool.as_str(), certainty.as_str(), *packets)
        })
        .collect();
    println!("{} captures, {observed} packets: {found:#?}", files.len());
    assert_eq!(found, EXPLAINED);
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fingerprints.md"))?;
    for (name, tool, ..) in EXPLAINED {
        assert!(
            page.contains(&format!("| `{name}` | `{tool}` |")),
            "docs/fingerprints.md does not explain {name}"
        );
    }
    Ok(())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failed> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        if entry.file_type()?.is_dir() {
            find(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
