//! The Debian package for real: installed as the documentation says, and counting; upgraded under systemd; purged.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use super::{
    Finding,
    unit::{UNIT, await_observed, run, show, systemctl},
};
use crate::{link::Pair, load::send, machine::Machine};

/// Where `cargo xtask vm --systemd` has laid two revisions of the package, and the page.
const PACKAGES: &str = "/teiten/packages";
const PAGE: &str = "/teiten/install.md";
/// What was there before the package; from one check to the next.
const BEFORE: &str = "/run/teiten-paths-before";
const CONFIGURATION: &str = "/etc/teiten/teiten.toml";
const WATCHED: &str = "198.51.100.0/24";
const PACKETS: u64 = 1_000;
/// What is no part of the system, or what every package's coming and going changes.
const NOT_LOOKED_AT: [&str; 17] = [
    "/dev",
    "/etc/.pwd.lock",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/ld.so.cache",
    "/etc/passwd-",
    "/etc/shadow-",
    "/modules",
    "/proc",
    "/run",
    "/sys",
    "/teiten",
    "/tmp",
    "/var/cache",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/log",
];

/// From the package to first counts, by what the page says.
pub fn install(_: &Machine) -> Result<Finding> {
    let pair = Pair::make()?;
    let before: String = paths()?
        .iter()
        .map(|path| format!("{}\n", path.display()))
        .collect();
    fs::write(BEFORE, before)?;
    let page = fs::read_to_string(PAGE).context("the page is missing")?;
    let block = page
        .split("```")
        .find(|block| block.contains("apt-get install ./teiten"))
        .context("the page does not install the package")?;
    let begun = Instant::now();
    let mut started = false;
    for line in block.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        started |= follow(line)?;
    }
    ensure!(started, "the page does not start the sensor");
    send(pair.tx, PACKETS)?;
    await_observed(PACKETS)?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(
        show("UnitFileState")? == "enabled",
        "it would not be there after a restart"
    );
    // The next check begins with nothing pinned.
    systemctl(&["stop", UNIT])?;
    run(Command::new("teiten").args(["detach", "--config", CONFIGURATION]))?;
    Ok(Finding::passed(
        format!(
            "{PACKETS} packets counted {seconds:.0} s after the first command, the machine being emulated"
        ),
        [("seconds", json!(seconds)), ("packets", json!(PACKETS))],
    ))
}

/// Does a line of the page as somebody would who has read nothing else. Whether it was the one that starts the sensor.
fn follow(line: &str) -> Result<bool> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let words: Vec<_> = line.split_whitespace().collect();
    let shell = |line: &str| {
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", line])
            .current_dir(PACKAGES)
            .env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut shell)
    };
    match words.as_slice() {
        ["editor", CONFIGURATION] => configure()?,
        // The machine has no curl; what it would ask for is asked for below.
        ["curl", ..] => {}
        ["teiten", "top"] => {
            let screen = shell("teiten top --once")?;
            ensure!(screen.contains("difference 0"), "{screen}");
        }
        ["sha256sum" | "apt-get" | "teiten", ..] => drop(shell(line)?),
        ["systemctl", "enable", "--now", "teiten"] => {
            shell(line)?;
            return Ok(true);
        }
        _ => bail!("the page has a line that this check does not know: {line}"),
    }
    Ok(false)
}

/// Fills in the two lines that the page names.
fn configure() -> Result<()> {
    let template = fs::read_to_string(CONFIGURATION).context("the package brings no configuration")?;
    let filled: String = template
        .lines()
        .flat_map(|line| {
            let line = match line.split(" = ").next() {
                Some("# interfaces") => "interfaces = [\"rx\"]".to_owned(),
                Some("# watch") => format!("watch = [\"{WATCHED}\"]"),
                _ => line.to_owned(),
            };
            [line, "\n".to_owned()]
        })
        .collect();
    ensure!(filled.contains(WATCHED), "the template has no line for `watch`");
    Ok(fs::write(CONFIGURATION, filled)?)
}

/// An upgrade under systemd, which loses no packet; then nothing is left.
pub fn upgrade_and_purge(_: &Machine) -> Result<Finding> {
    let pair = Pair::make()?;
    systemctl(&["start", UNIT])?;
    send(pair.tx, PACKETS)?;
    let before = show("MainPID")?;
    let second = package("-2_")?;
    apt(&["install", "--yes", &second.to_string_lossy()])?;
    ensure!(
        show("MainPID")? != before && show("ActiveState")? == "active",
        "the new version does not run"
    );
    send(pair.tx, PACKETS)?;
    await_observed(2 * PACKETS)?;
    ensure!(
        fs::read_to_string(CONFIGURATION)?.contains(WATCHED),
        "the upgrade replaced the configuration"
    );

    // Of a sensor that runs.
    apt(&["purge", "--yes", "teiten"])?;
    let link = run(Command::new("ip").args(["-details", "link", "show", "dev", pair.rx]))?;
    ensure!(!link.contains("prog/xdp"), "a purged sensor still counts: {link}");
    ensure!(
        run(Command::new("id").args(["-u", "teiten"])).is_err(),
        "the user is still there"
    );
    let known: BTreeSet<PathBuf> = fs::read_to_string(BEFORE)?.lines().map(PathBuf::from).collect();
    let after = paths()?;
    let left: Vec<_> = after.difference(&known).collect();
    let taken: Vec<_> = known.difference(&after).collect();
    ensure!(
        left.is_empty() && taken.is_empty(),
        "left behind: {left:?}; taken with it: {taken:?}"
    );
    Ok(Finding::passed(
        format!("{} packets over an upgrade; a purge left nothing", 2 * PACKETS),
        [("packets", json!(2 * PACKETS))],
    ))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut apt).map(drop)
}

/// The package whose name has this in it.
fn package(part: &str) -> Result<PathBuf> {
    fs::read_dir(PACKAGES)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".deb") && name.contains(part)
        })
        .with_context(|| format!("there is no package {part}"))
}

/// Every path of the system but those of [`NOT_LOOKED_AT`]; of systemd's and dpkg's own books those that are named after the
/// package.
fn paths() -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let entry = entry?;
            let path = entry.path();
            if NOT_LOOKED_AT.iter().any(|name| path == Path::new(name)) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(path.clone());
            }
            let own = path.to_string_lossy().contains("teiten");
            if own || !path.starts_with("/var/lib/systemd") {
                found.insert(path);
            }
        }
    }
    let info = fs::read_dir("/var/lib/dpkg/info")?
        .flatten()
        .map(|entry| entry.path());
    found.extend(info.filter(|path| path.to_string_lossy().contains("/info/teiten")));
    Ok(found)
}
