//! Real scanners, and what they really put on the wire.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::interrupt::Interrupt;
use crate::{
    network::{DARK_PREFIX, Network, SENDER_ADDRESS},
    tap::{Tally, Tap},
    watched::Prefixes,
};

/// How long a scanner may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What each asks for: different ports, so that each one's packets can be told from the others'.
const ZMAP_PORTS: [u16; 1] = [23];
const MASSCAN_PORTS: [u16; 1] = [7_547];
const NMAP_PORTS: [u16; 4] = [22, 80, 443, 445];
/// The first addresses of the dark prefix.
const NMAP_TARGETS: &str = "198.51.100.0/29";
const MASSCAN_TARGETS: &str = "198.51.100.0/26";

/// A scanner and what it asked for.
#[derive(Clone, Debug)]
pub struct Scanner {
    /// Its name.
    pub name: &'static str,
    /// What it was started with.
    pub arguments: Vec<String>,
    /// The ports that it alone asked for.
    pub ports: &'static [u16],
    /// The mark that Debian's version of it leaves.
    pub mark: &'static str,
    /// What it says when all is sent, if it does not end by itself then.
    last_words: Option<&'static str>,
}

impl Scanner {
    /// What was run, as one would type it.
    #[must_use]
    pub fn command(&self) -> String {
        format!("{} {}", self.name, self.arguments.join(" "))
    }
}

/// What the scanners did.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// Who.
    pub scanners: [Scanner; 3],
    /// What left the sender's end meanwhile, by tcpdump.
    pub tally: Tally,
}

/// Lets them scan the dark prefix, and counts what leaves the sender's end meanwhile. Files go to `folder`.
///
/// # Errors
/// A scanner or tcpdump is missing or fails, or a signal came.
pub fn scan(network: &Network, watched: &Prefixes, folder: &Path, interrupt: &Interrupt) -> Result<Scanned> {
    let capture = folder.join("scanners.pcap");
    let tap = Tap::start_leaving(
        |program| network.sender().command(program),
        network.tx().name,
        &capture,
    )?;
    let scanners = [zmap(network, folder)?, nmap(network), masscan(network)];
    let mut running = Vec::new();
    for scanner in &scanners {
        running.push(Running::start(network, scanner, folder)?);
    }
    for scanner in &mut running {
        scanner.wait(interrupt)?;
    }
    tap.stop()?;
    let tally = Tally::of_capture(&capture, watched)?;
    for scanner in &scanners {
        ensure!(
            scanner.ports.iter().all(|port| tally.ports.contains_key(port)),
            "{} left nothing on the wire for some of its ports: `{}`",
            scanner.name,
            scanner.command()
        );
    }
    Ok(Scanned { scanners, tally })
}

/// One SYN to each address. No more than 256, so that they fit the device's queue whatever the machine is doing.
fn zmap(network: &Network, folder: &Path) -> Result<Scanner> {
    let blocklist = folder.join("nothing");
    fs::write(&blocklist, "").context("the empty block list cannot be written")?;
    let [port] = ZMAP_PORTS;
    // With a seed: some of the orders that ZMap 2.1.1 draws by itself end in a failed assertion.
    let words = format!(
        "-i {} -G {} -p {port} -r 5000 -c 0 -e 1 -S {SENDER_ADDRESS} {DARK_PREFIX} -o /dev/null -q -b",
        network.tx().name,
        network.rx().mac_text(),
    );
    let mut arguments = split(&words);
    arguments.push(blocklist.display().to_string());
    Ok(Scanner {
        name: "zmap",
        arguments,
        ports: &ZMAP_PORTS,
        mark: "zmap",
        last_words: None,
    })
}

/// One SYN to each port of eight addresses. Nobody answers, and by itself it would wait four seconds for that.
fn nmap(network: &Network) -> Scanner {
    let ports = NMAP_PORTS.map(|port| port.to_string()).join(",");
    let words = format!(
        "-n -Pn -sS -p {ports} --max-retries 0 --initial-rtt-timeout 100ms --max-rtt-timeout 100ms -e {} --send-ip \
         {NMAP_TARGETS}",
        network.tx().name
    );
    Scanner {
        name: "nmap",
        arguments: split(&words),
        ports: &NMAP_PORTS,
        mark: "nmap",
        last_words: None,
    }
}

/// At least one SYN to each of 64 addresses; it sends some of them twice.
fn masscan(network: &Network) -> Scanner {
    let [port] = MASSCAN_PORTS;
    let words = format!(
        "-p {port} --rate 1000 --wait 0 --seed 1 -e {} --adapter-ip {SENDER_ADDRESS} --adapter-mac {} --router-mac {} \
         {MASSCAN_TARGETS}",
        network.tx().name,
        network.tx().mac_text(),
        network.rx().mac_text(),
    );
    Scanner {
        name: "masscan",
        arguments: split(&words),
        ports: &MASSCAN_PORTS,
        mark: "masscan",
        // 1.3.2 waits for its receiver, which waits for a packet.
        last_words: Some("100.00% done, waiting"),
    }
}

fn split(words: &str) -> Vec<String> {
    words.split(' ').map(str::to_owned).collect()
}

/// A scanner at work. Dropping it kills it.
struct Running {
    name: &'static str,
    child: Child,
    log: PathBuf,
    last_words: Option<&'static str>,
}

impl Running {
    fn start(network: &Network, scanner: &Scanner, folder: &Path) -> Result<Self> {
        let log = folder.join(scanner.name);
        let output = File::create(&log).context("a scanner's output cannot be kept")?;
        let child = network
            .sender()
            .command(scanner.name)
            .and_then(|mut command: Command| {
                command
                    .args(&scanner.arguments)
                    .current_dir(folder)
                    .stdin(Stdio::null())
                    .stdout(output.try_clone()?)
                    .stderr(output)
                    .spawn()
            })
            .with_context(|| format!("{} cannot be run: `cargo xtask setup` installs it", scanner.name))?;
        Ok(Self {
            name: scanner.name,
            child,
            log,
            last_words: scanner.last_words,
        })
    }

    fn wait(&mut self, interrupt: &Interrupt) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return self.ended(status);
            }
            if self.last_words.is_some_and(|words| self.said().contains(words)) {
                // All is sent, and nothing else would end it.
                self.child.kill()?;
                self.child.wait()?;
                return Ok(());
            }
            interrupt.sleep(Duration::from_millis(20))?;
        }
        bail!("{} did not end within {PATIENCE:?}", self.name)
    }

    fn said(&self) -> String {
        fs::read(&self.log).map_or_else(
            |_| String::new(),
            |text| String::from_utf8_lossy(&text).into_owned(),
        )
    }

    fn ended(&self, status: ExitStatus) -> Result<()> {
        let said = self.said();
        ensure!(
            status.success(),
            "{} failed ({status}); it said:\n{said}",
            self.name
        );
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of one that has ended, neither does anything.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
