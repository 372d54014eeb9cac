//! The Debian package in a clean Debian: installed, configured, counting, upgraded, purged. Needs root, and takes minutes:
//! `cargo xtask test --full package` runs it that way. systemd's side of it is tested by `cargo xtask vm --systemd`.

mod debian;

use std::{
    env, fs,
    net::{Ipv4Addr, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sensor_lab::{
    artefacts,
    network::{DARK_PREFIX, Lab, Network, SENDER_ADDRESS},
};

use debian::{Debian, Sensor};

/// Datagrams that are sent to the sensor each time, one to each address of the dark prefix.
const DATAGRAMS: u64 = 256;
/// How long the sensor may take to start, and to see what was sent.
const PATIENCE: Duration = Duration::from_mins(1);

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let full = env::var("TEITEN_TEST_FULL").is_ok_and(|value| value == "1");
    let trial = Trial::ignorable_test(
        "the_package_installs_counts_upgrades_and_leaves_nothing",
        move || {
            if let Some(reason) = obstacle(full) {
                return Ok(Completion::ignored_with(reason));
            }
            whole_life()
                .map(|()| Completion::Completed)
                .map_err(|error| Failed::from(format!("{error:#}")))
        },
    );
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

fn obstacle(full: bool) -> Option<String> {
    if !full {
        return Some("makes a Debian, which takes minutes: set TEITEN_TEST_FULL=1".to_owned());
    }
    Lab::obstacle().or_else(|| match artefacts::daemon() {
        Ok(daemon) if daemon.exists() => None,
        _ => Some("needs the daemon: `cargo build -p teiten` makes it".to_owned()),
    })
}

fn whole_life() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let packages = [1, 2].map(|revision| pack(folder.path(), revision));
    let [first, second] = packages;
    let debian = Debian::make(&folder.path().join("root"))?;
    let before = debian.paths()?;
    let lock = Lab::lock()?;
    let network = Network::pair(&lock, "package")?;

    let started = Instant::now();
    let sensor = follow_the_page(&debian, &network, &first?)?;
    counts_what_is_sent(sensor, &network)?;
    println!(
        "from the package to first counts: {:.1} s",
        started.elapsed().as_secs_f64()
    );
    let other = debian.run("setpriv --reuid=65534 --regid=65534 --clear-groups cat /etc/teiten/teiten.toml");
    ensure!(other.is_err(), "anybody can read what is watched");

    // An upgrade keeps what the operator wrote, without asking.
    debian.install(&second?)?;
    let version = debian.run("dpkg-query --show --showformat='${Version}' teiten")?;
    ensure!(version.ends_with("-2"), "{version} is installed");
    let configuration = fs::read_to_string(debian.path("etc/teiten/teiten.toml"))?;
    ensure!(
        configuration.contains(DARK_PREFIX),
        "the upgrade replaced the configuration"
    );
    counts_what_is_sent(debian.start_sensor(&network)?, &network)?;

    debian.run("apt-get remove --yes teiten")?;
    ensure!(
        debian.path("etc/teiten/teiten.toml").exists() && debian.path("var/lib/teiten").exists(),
        "a removal took configuration or records"
    );
    debian.run("apt-get purge --yes teiten")?;
    let after = debian.paths()?;
    let left: Vec<_> = after.difference(&before).collect();
    let taken: Vec<_> = before.difference(&after).collect();
    ensure!(
        left.is_empty() && taken.is_empty(),
        "left behind: {left:?}\ntaken with it: {taken:?}"
    );
    for file in ["passwd", "group", "shadow", "gshadow"] {
        let text = fs::read_to_string(debian.path("etc").join(file))?;
        ensure!(
            !text.contains("teiten"),
            "/etc/{file} still has the user:\n{text}"
        );
    }
    Ok(())
}

/// The package of the program that was built for tests.
fn pack(folder: &Path, revision: u32) -> Result<PathBuf> {
    let out = folder.join(format!("dist-{revision}"));
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["dist", "--revision", &revision.to_string(), "--program"])
        .arg(artefacts::daemon()?)
        .arg("--out")
        .arg(&out)
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let checked = Command::new("sh")
        .args(["-c", "sha256sum --check --strict SHA256SUMS-*"])
        .current_dir(&out)
        .output()?;
    ensure!(checked.status.success(), "the checksums are wrong");
    let packages = fs::read_dir(&out)?.flatten().map(|entry| entry.path());
    let mut packages = packages.filter(|path| path.extension().is_some_and(|end| end == "deb"));
    packages.next().context("no package was made")
}

/// Does what `docs/install.md` says, line by line, as somebody would who has read nothing else. Only a person's editor, and
/// systemd, which does not run here, are stood in for. Gives the sensor that runs in the end.
fn follow_the_page(debian: &Debian, network: &Network, package: &Path) -> Result<Sensor> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/install.md"))?;
    let block = page
        .split("```")
        .find(|block| block.contains("apt-get install ./teiten"))
        .context("docs/install.md does not install the package")?;
    let mut sensor = None;
    for line in block.lines().skip(1) {
        let line = line.split('#').next().unwrap_or_default().trim();
        let line = line.strip_prefix("sudo ").unwrap_or(line);
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["sha256sum", ..] => {
                let mut sums = Command::new("sh");
                sums.args(["-c", line])
                    .current_dir(package.parent().unwrap_or(package));
                ensure!(sums.status()?.success(), "{line}");
            }
            ["apt-get", "install", file] => {
                ensure!(
                    package.ends_with(file.trim_start_matches("./")),
                    "{line}: the package is {}",
                    package.display()
                );
                debian.install(package)?;
                nothing_is_watched_yet(debian)?;
            }
            ["editor", _] => configure(debian)?,
            ["systemctl", "enable", "--now", "teiten"] => {
                let started = debian.start_sensor(network)?;
                sensor = Some(await_answer(started, network)?);
            }
            ["curl", ..] => {
                let output = network.command("sh")?.args(["-c", line]).output()?;
                ensure!(!output.stdout.is_empty(), "{line} prints nothing");
            }
            ["teiten", "top"] => {
                let screen = debian.run_in(network, "teiten top --once")?;
                ensure!(screen.contains("difference 0"), "{screen}");
            }
            ["teiten", ..] => drop(debian.run_in(network, line)?),
            other => anyhow::bail!("docs/install.md has a command that this test cannot follow: {other:?}"),
        }
    }
    sensor.context("docs/install.md starts no sensor")
}

/// The service must not start by itself, and the configuration as shipped says what is missing.
fn nothing_is_watched_yet(debian: &Debian) -> Result<()> {
    let enabled = "etc/systemd/system/multi-user.target.wants/teiten.service";
    ensure!(
        !debian.path(enabled).exists(),
        "the service is enabled without a configuration"
    );
    let refusal = debian.run("teiten config check /etc/teiten/teiten.toml").err();
    let refusal = refusal.context("the configuration as shipped passes for finished")?;
    let refusal = format!("{refusal:#}");
    ensure!(refusal.contains("interfaces"), "{refusal}");
    Ok(())
}

/// Writes the two keys that are wanted, as an editor does: owner and mode stay.
fn configure(debian: &Debian) -> Result<()> {
    let path = debian.path("etc/teiten/teiten.toml");
    let text = fs::read_to_string(&path)?;
    let written = text
        .replace("# interfaces = [\"eth0\"]", "interfaces = [\"rx\"]")
        .replace(
            "# watch = [\"198.51.100.0/24\", \"2001:db8:feed::/48\"]",
            &format!("watch = [\"{DARK_PREFIX}\"]"),
        );
    ensure!(
        written.contains("\ninterfaces") && written.contains("\nwatch = "),
        "the keys are not there to be filled in"
    );
    Ok(fs::write(path, written)?)
}

fn await_answer(mut sensor: Sensor, network: &Network) -> Result<Sensor> {
    let end = Instant::now() + PATIENCE;
    while counted(network).is_err() {
        ensure!(sensor.is_running()?, "the sensor ended: {}", sensor.last_words()?);
        ensure!(Instant::now() < end, "the sensor does not answer");
        thread::sleep(Duration::from_millis(200));
    }
    Ok(sensor)
}

/// Sends, and wants every packet counted; then stops the sensor.
fn counts_what_is_sent(sensor: Sensor, network: &Network) -> Result<()> {
    let sensor = await_answer(sensor, network)?;
    network.sender().enter(send)??;
    let end = Instant::now() + PATIENCE;
    while counted(network)? != DATAGRAMS {
        ensure!(
            Instant::now() < end,
            "of {DATAGRAMS} datagrams {} were counted: {}",
            counted(network)?,
            sensor.last_words()?
        );
        thread::sleep(Duration::from_millis(200));
    }
    sensor.stop()
}

fn send() -> std::io::Result<()> {
    let socket = UdpSocket::bind((SENDER_ADDRESS, 5060))?;
    for last in 0..=255 {
        socket.send_to(b"OPTIONS", (Ipv4Addr::new(198, 51, 100, last), 5060))?;
    }
    Ok(())
}

/// Datagrams to watched addresses, as the sensor's metrics have them.
fn counted(network: &Network) -> Result<u64> {
    let mut curl = network.command("curl")?;
    let output = curl
        .args([
            "--silent",
            "--fail",
            "--max-time",
            "5",
            "http://127.0.0.1:10023/metrics",
        ])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("teiten_outcome_packets_total{outcome=\"observed_udp\"} "));
    Ok(line.context("no such metric")?.parse()?)
}
