//! What operators use today, each alone at the end of a veth pair. Their configurations are in `xtask/lab/peers`.

mod countries;
mod running;

use std::{fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use self::{countries::Countries, running::Running};
use super::complete::{Place, Programs};
use crate::network::LabLock;

const DROP: &str = include_str!("../../../peers/drop.nft");
const NFTABLES: &str = include_str!("../../../peers/nftables.nft");
const PMACCTD: &str = include_str!("../../../peers/pmacctd.conf");
const TCPDUMP: &str = include_str!("../../../peers/tcpdump.args");
const XDP_BENCH: &str = include_str!("../../../peers/xdp-bench.args");

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    XdpBench,
    Nftables,
    Pmacctd,
    Tcpdump,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::XdpBench, Self::Nftables, Self::Pmacctd, Self::Tcpdump];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::XdpBench => "xdp-bench drop",
            Self::Nftables => "nftables",
            Self::Pmacctd => "pmacctd",
            Self::Tcpdump => "tcpdump",
        }
    }

    /// Whether its result is packets by port and country.
    pub(super) const fn reports_ports_and_countries(self) -> bool {
        matches!(self, Self::Nftables | Self::Pmacctd)
    }

    const fn program(self) -> &'static str {
        match self {
            Self::XdpBench => "xdp-bench",
            Self::Nftables => "nft",
            Self::Pmacctd => "pmacctd",
            Self::Tcpdump => "tcpdump",
        }
    }

    /// Why it cannot be measured here, if so.
    pub(super) fn missing(self) -> Option<String> {
        let needed = if self == Self::XdpBench {
            vec![self.program()]
        } else {
            vec![self.program(), "nft"]
        };
        let missing = needed.into_iter().find(|program| {
            // `Command` looks in `PATH`, and gives an error when nothing is there.
            Command::new(program).arg("--version").output().is_err()
        })?;
        Some(format!("there is no {missing}"))
    }
}

/// A peer that is ready for packets. Dropping it ends it.
pub(super) struct Peer {
    pub(super) kind: Kind,
    // Ended before its interface goes.
    running: Option<Running>,
    pub(super) place: Place,
    folder: TempDir,
}

impl Peer {
    pub(super) fn start(lock: &LabLock, kind: Kind, programs: &Programs, cpus: &[u32]) -> Result<Self> {
        let name = format!("peer-{}", kind.program());
        let place = Place::make(lock, &name, programs, cpus)?;
        let mut peer = Self {
            kind,
            place,
            folder: TempDir::new().context("there is no place for a peer's files")?,
            running: None,
        };
        peer.prepare()
            .with_context(|| format!("{} cannot be made ready", kind.name()))?;
        Ok(peer)
    }

    fn prepare(&mut self) -> Result<()> {
        let network = &self.place.network;
        if self.kind == Kind::XdpBench {
            self.running = Some(self.spawn(&self.words(XDP_BENCH))?);
            return Ok(());
        }
        // Without XDP at its end a veth takes frames only while GRO is on.
        done(
            network
                .command("ethtool")?
                .args(["-K", network.rx().name, "gro", "on"]),
        )?;
        match self.kind {
            Kind::Nftables => {
                let rules = self
                    .fill(NFTABLES)
                    .replace("{countries}", &Countries::debian()?.elements());
                self.load_rules(&rules)?;
            }
            Kind::Pmacctd => {
                self.load_rules(&self.fill(DROP))?;
                Countries::debian()?.write_mmdb(&self.folder.path().join("country.mmdb"))?;
                let configuration = self.folder.path().join("pmacctd.conf");
                fs::write(&configuration, self.fill(PMACCTD))?;
                let configuration = configuration.to_string_lossy().into_owned();
                self.running = Some(self.spawn(&["-f".to_owned(), configuration])?);
            }
            Kind::Tcpdump => {
                self.load_rules(&self.fill(DROP))?;
                self.running = Some(self.spawn(&self.words(TCPDUMP))?);
            }
            Kind::XdpBench => {}
        }
        Ok(())
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{interface}", self.place.network.rx().name)
            .replace("{folder}", &self.folder.path().to_string_lossy())
    }

    fn words(&self, arguments: &str) -> Vec<String> {
        self.fill(arguments)
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    }

    fn spawn(&self, arguments: &[String]) -> Result<Running> {
        let mut command = self.place.network.command(self.kind.program())?;
        Running::spawn(command.args(arguments), &self.folder.path().join("log"))
    }

    fn load_rules(&self, rules: &str) -> Result<()> {
        let file = self.folder.path().join("rules.nft");
        fs::write(&file, rules)?;
        done(self.place.network.command("nft")?.arg("-f").arg(&file)).map(drop)
    }

    /// The time that its processes have run on any CPU; what it does in the kernel is not theirs.
    pub(super) fn cpu_time(&self) -> Result<Duration> {
        self.running
            .as_ref()
            .map_or(Ok(Duration::ZERO), Running::cpu_time)
    }

    /// Packets that it has taken in so far: what it lost is no work done.
    pub(super) fn counted(&self) -> Result<u64> {
        match (self.kind, &self.running) {
            (Kind::Pmacctd, _) => pmacctd_packets(&done(self.pmacct()?.args(["-s", "-O", "csv"]))?),
            (Kind::Tcpdump, Some(running)) => {
                let text = running.ask("packets captured")?;
                let line = text.lines().rfind(|line| line.contains("packets captured"));
                let number = line.and_then(|line| line.split_whitespace().find_map(|word| word.parse().ok()));
                number.context("tcpdump did not say how many packets it captured")
            }
            // These two work on every packet where it arrives, and have no queue that could lose one. (To have nft tell
            // its own counter takes minutes: it reads the whole map of countries first.)
            _ => self.place.network.received(),
        }
    }

    /// Has it forget what it aggregated, so that no profile finds the tables of another.
    pub(super) fn forget(&self) -> Result<()> {
        match self.kind {
            Kind::Nftables => {
                done(&mut self.nft(&["flush", "set", "netdev", "telescope", "counted"])?).map(drop)
            }
            Kind::Pmacctd => done(self.pmacct()?.arg("-e")).map(drop),
            Kind::Tcpdump | Kind::XdpBench => Ok(()),
        }
    }

    fn nft(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.place.network.command("nft")?;
        command.args(arguments);
        Ok(command)
    }

    fn pmacct(&self) -> Result<Command> {
        let mut command = self.place.network.command("pmacct")?;
        command.arg("-p").arg(self.folder.path().join("pmacct.pipe"));
        Ok(command)
    }
}

/// Runs a command to its end, and gives what it printed.
fn done(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}", command.get_program().display(), said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The sum of the column `PACKETS` of what `pmacct` prints as CSV.
fn pmacctd_packets(csv: &str) -> Result<u64> {
    let mut lines = csv.lines();
    let header = lines.next().unwrap_or_default();
    let Some(column) = header.split(',').position(|name| name == "PACKETS") else {
        // An empty table has no header either.
        return if header.is_empty() {
            Ok(0)
        } else {
            bail!("pmacct names no column PACKETS: {header}")
        };
    };
    lines
        .map(|line| {
            let number = line
                .split(',')
                .nth(column)
                .and_then(|number| number.parse::<u64>().ok());
            number.with_context(|| format!("pmacct's line has no number of packets: {line}"))
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packets_that_peers_report_are_found_in_what_they_print() {
        let csv = "SRC_COUNTRY,DST_PORT,PROTOCOL,PACKETS,BYTES\nJP,23,tcp,5,200\nUS,22,tcp,7,280\n";
        assert_eq!(pmacctd_packets(csv).unwrap(), 12);
        assert_eq!(pmacctd_packets("").unwrap(), 0);
        assert!(pmacctd_packets("A,B\n1,2\n").is_err());
    }

    #[test]
    fn every_place_in_a_configuration_is_one_that_is_filled_in() {
        for text in [DROP, NFTABLES, PMACCTD, TCPDUMP, XDP_BENCH] {
            assert!(text.contains("{interface}"), "{text}");
            let filled = ["{interface}", "{folder}", "{countries}"]
                .iter()
                .fold(text.to_owned(), |text, place| text.replace(place, "x"));
            let words = filled.split_whitespace();
            assert!(
                words
                    .filter(|word| word.len() > 1)
                    .all(|word| !word.starts_with('{')),
                "{filled}"
            );
        }
    }
}
