//! `cargo xtask compare`: holds `teiten replay` against tshark, file by file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use indicatif::ProgressBar;
use sensor_lab::{
    artefacts,
    compare::{self, Programs, Verdict, explained},
};

/// The files that may differ, in hundredths of those that were compared.
const MOST_DIFFERENT: usize = 2;

/// Hold `teiten replay` against tshark on capture files: packets by destination port.
///
/// The exit status is 1 when a file differs without a known reason, breaks either program, or too many differ.
#[derive(Parser)]
#[command(name = "cargo xtask compare", bin_name = "cargo xtask compare")]
struct Arguments {
    /// The folder whose capture files are compared
    folder: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The sensor
    #[arg(long, value_name = "FILE", hide = true)]
    teiten: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<bool> {
    let mut files = Vec::new();
    find(&arguments.folder, &arguments.folder, &mut files)?;
    files.sort();
    ensure!(!files.is_empty(), "{} holds no file", arguments.folder.display());
    let regions = arguments.folder.with_extension("regions");
    fs::write(&regions, "16777216,16777471,AU\n")
        .with_context(|| format!("{} cannot be written", regions.display()))?;
    let programs = Programs {
        teiten: arguments.teiten.map_or_else(artefacts::daemon, Ok)?,
        regions,
    };
    let verdicts = compare_all(&programs, files);
    let summary = Summary::of(&verdicts);
    if arguments.json {
        println!(
            "{:#}",
            serde_json::json!({ "summary": summary, "files": verdicts })
        );
    } else {
        summary.print(&verdicts);
    }
    Ok(summary.holds)
}

/// Every file below a folder, by its path within it.
fn find(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            find(root, &path, found)?;
        } else if kind.is_file() {
            let name = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            found.push((name, path));
        }
    }
    Ok(())
}

fn compare_all(programs: &Programs, files: Vec<(String, PathBuf)>) -> BTreeMap<String, Verdict> {
    let bar = ProgressBar::new(files.len() as u64);
    let next = Mutex::new(files.into_iter());
    let verdicts = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let Some((name, path)) = next.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                break;
            };
            let verdict = compare::compare(programs, &name, &path);
            verdicts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name, verdict);
            bar.inc(1);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    verdicts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[derive(serde::Serialize)]
struct Summary {
    files: usize,
    equal: usize,
    packets: u64,
    with_port: u64,
    lying: u64,
    different: usize,
    not_read: usize,
    broken: usize,
    /// Files with a known reason to differ that were not among these, or no longer differ.
    idle_explanations: Vec<&'static str>,
    holds: bool,
}

impl Summary {
    fn of(verdicts: &BTreeMap<String, Verdict>) -> Self {
        let mut summary = Self {
            files: verdicts.len(),
            equal: 0,
            packets: 0,
            with_port: 0,
            lying: 0,
            different: 0,
            not_read: 0,
            broken: 0,
            idle_explanations: Vec::new(),
            holds: false,
        };
        for verdict in verdicts.values() {
            match verdict {
                Verdict::Equal {
                    packets,
                    with_port,
                    lying,
                } => {
                    summary.equal += 1;
                    summary.packets += packets;
                    summary.with_port += with_port;
                    summary.lying += lying;
                }
                Verdict::Different { .. } => summary.different += 1,
                Verdict::NotRead { .. } => summary.not_read += 1,
                Verdict::Broken { .. } => summary.broken += 1,
            }
        }
        summary.idle_explanations = explained::files()
            .filter(|name| !matches!(verdicts.get(*name), Some(Verdict::Different { .. })))
            .collect();
        let compared = summary.equal + summary.different;
        let few = summary.different * 100 <= compared * MOST_DIFFERENT;
        summary.holds = few && !verdicts.values().any(Verdict::is_defect);
        summary
    }

    fn print(&self, verdicts: &BTreeMap<String, Verdict>) {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, verdict) in verdicts {
            match verdict {
                Verdict::Equal { .. } => {}
                Verdict::Different {
                    rule,
                    packets: (ours, theirs),
                    ports,
                } => {
                    let rule = rule.map_or_else(|| "UNEXPLAINED".to_owned(), |rule| format!("{rule:?}"));
                    println!(
                        "{name}: {rule}; {ours} packets and {theirs}; {}",
                        ports.join(", ")
                    );
                }
                Verdict::NotRead { reason } => *reasons.entry(reason).or_default() += 1,
                Verdict::Broken { how } => println!("{name}: BROKEN: {how}"),
            }
        }
        for (reason, files) in reasons {
            println!("{files} not read: {reason}");
        }
        for name in &self.idle_explanations {
            println!("{name} is explained, but does not differ here");
        }
        println!(
            "{} files: {} equal ({} packets, {} of them with a port, {} with a transport header that cannot be), \
             {} different, {} of other kinds, {} broken",
            self.files,
            self.equal,
            self.packets,
            self.with_port,
            self.lying,
            self.different,
            self.not_read,
            self.broken
        );
    }
}
