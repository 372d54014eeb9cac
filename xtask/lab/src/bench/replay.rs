//! How fast captures are counted: `teiten replay` beside the readers of captures that people have, on one CPU.

use std::{
    fmt,
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use sensor_common::{
    Family,
    generator::{Draw, next_random},
};
use serde::Serialize;
use tempfile::TempDir;

use super::{Skipped, Spread, measured::Belief};
use crate::{
    frames::{Edit as _, Ipv4, Tcp},
    live::{Profile, online_cpus, pin},
    pcap::{ETHERNET, Writer},
};

/// The capture's first packet, on 2022-10-01, in hours since 1970; and a microsecond from one to the next.
const BEGIN: Duration = Duration::from_hours(462_384);
const STEP: Duration = Duration::from_micros(1);

/// What is measured.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Packets of the capture.
    pub packets: u64,
    /// Readings by each program; those that take more than ten seconds read once.
    pub rounds: usize,
    /// Where the capture lies, or is made.
    pub folder: PathBuf,
    /// The sensor's program.
    pub program: PathBuf,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayRates {
    /// Packets of the capture.
    pub packets: u64,
    /// Its octets.
    pub octets: u64,
    /// What its packets are like: a profile of the live benchmarks.
    pub profile: &'static str,
    /// By program.
    pub readers: Vec<Reader>,
    /// Those that are not here.
    pub skipped: Vec<Skipped>,
    /// The rate of `teiten replay` as a multiple of tshark's.
    pub times_tshark: Option<f64>,
    /// What others took of the machine meanwhile.
    #[serde(flatten)]
    pub belief: Belief,
}

/// One program.
#[derive(Clone, Debug, Serialize)]
pub struct Reader {
    /// Its command line, with `FILE` for the capture.
    pub command: String,
    /// Wall time of a reading, its start included.
    pub seconds: Spread,
    /// Packets a second.
    pub rate: Spread,
}

/// The readers: a program, and its arguments.
const READERS: [(&str, &[&str]); 6] = [
    ("teiten", &["replay", "--json", "FILE"]),
    ("teiten", &["replay", "--records", "DIR", "--json", "FILE"]),
    ("capinfos", &["-c", "-M", "FILE"]),
    ("tcpdump", &["-r", "FILE", "-w", "/dev/null"]),
    ("tcpdump", &["-n", "-r", "FILE"]),
    (
        "tshark",
        &[
            "-n",
            "-r",
            "FILE",
            "-T",
            "fields",
            "-e",
            "ip.src",
            "-e",
            "ip.proto",
            "-e",
            "tcp.dstport",
            "-e",
            "udp.dstport",
            "-e",
            "tcp.flags",
            "-e",
            "tcp.seq_raw",
        ],
    ),
];
/// A program that takes longer reads once.
const SLOW: f64 = 10.0;

/// Measures on the last CPU that is online.
///
/// # Errors
/// The capture cannot be made, or a program fails.
pub fn measure_replay(options: &ReplayOptions) -> Result<ReplayRates> {
    let capture = capture(options)?;
    let octets = fs::metadata(&capture)?.len();
    // Children inherit it.
    pin(*online_cpus()?.last().context("no CPU is online")?)?;
    let mut skipped = Vec::new();
    let (readers, belief) = Belief::during(|| {
        let mut readers = Vec::new();
        for (name, arguments) in READERS {
            let program = if name == "teiten" {
                options.program.as_path()
            } else {
                Path::new(name)
            };
            if Command::new(program).arg("--version").output().is_err() {
                skipped.push(Skipped {
                    name: name.to_owned(),
                    reason: "it is not installed".to_owned(),
                });
                continue;
            }
            readers.push(reader(name, program, arguments, &capture, options)?);
        }
        Ok(readers)
    })?;
    let rate = |name: &str| {
        let reader = readers
            .iter()
            .find(|reader: &&Reader| reader.command.starts_with(name));
        reader.map(|reader| reader.rate.median)
    };
    Ok(ReplayRates {
        packets: options.packets,
        octets,
        profile: PROFILE.name(),
        times_tshark: rate("teiten")
            .zip(rate("tshark"))
            .map(|(ours, theirs)| ours / theirs),
        readers,
        skipped,
        belief,
    })
}

fn reader(
    name: &str,
    program: &Path,
    arguments: &[&str],
    capture: &Path,
    options: &ReplayOptions,
) -> Result<Reader> {
    let mut seconds: Vec<f64> = Vec::new();
    while seconds.len() < options.rounds && seconds.last().is_none_or(|last| *last < SLOW) {
        let folder = TempDir::new()?;
        let mut command = Command::new(program);
        for argument in arguments {
            match *argument {
                "FILE" => command.arg(capture),
                "DIR" => command.arg(folder.path().join("records")),
                other => command.arg(other),
            };
        }
        let begun = Instant::now();
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        seconds.push(begun.elapsed().as_secs_f64());
        ensure!(
            status.success(),
            "{name} {} failed ({status})",
            arguments.join(" ")
        );
    }
    let rates: Vec<f64> = seconds
        .iter()
        .map(|seconds| rate(options.packets, *seconds))
        .collect();
    Ok(Reader {
        command: format!("{name} {}", arguments.join(" ")),
        seconds: Spread::of(&seconds),
        rate: Spread::of(&rates),
    })
}

#[expect(clippy::cast_precision_loss, reason = "packets are far below 2^53")]
fn rate(packets: u64, seconds: f64) -> f64 {
    packets as f64 / seconds
}

/// What is at a telescope most of the time: some sources that come often, and many that come once.
const PROFILE: Profile = Profile::LogUniform;

/// The capture, in the page cache: made once, and read through.
fn capture(options: &ReplayOptions) -> Result<PathBuf> {
    let path = options.folder.join(format!("capture-{}.pcap", options.packets));
    if !path.exists() {
        fs::create_dir_all(&options.folder)?;
        let aside = path.with_extension("part");
        write_capture(options.packets, &aside)
            .with_context(|| format!("the capture {} cannot be written", aside.display()))?;
        fs::rename(&aside, &path)?;
    }
    std::io::copy(&mut File::open(&path)?, &mut std::io::sink())?;
    Ok(path)
}

fn write_capture(packets: u64, path: &Path) -> Result<()> {
    let mut writer = Writer::begin(BufWriter::with_capacity(1 << 20, File::create(path)?), ETHERNET)?;
    let (mut random, mut time) = (0, BEGIN);
    let template = Ipv4::to([198, 51, 100, 0].into()).frame(Tcp::syn(0)).padded();
    for _ in 0..packets {
        random = next_random(random, 0);
        let draw = Draw::of(PROFILE, random);
        debug_assert_eq!(draw.family, Family::Ipv4, "of this profile all are");
        // Places of an Ethernet frame with IPv4 without options (RFC 791, RFC 9293).
        let frame = template
            .clone()
            .with(26, &draw.source.to_be_bytes())
            .with(30, &draw.destination().to_be_bytes())
            .with(36, &draw.port.to_be_bytes())
            .with(38, &draw.sequence.to_be_bytes());
        writer.frame(time, &frame)?;
        time += STEP;
    }
    writer.finish()?;
    Ok(())
}

impl fmt::Display for ReplayRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} packets ({} octets, profile {}) on one CPU, million packets a second: median [least–greatest]",
            self.packets, self.octets, self.profile
        )?;
        for reader in &self.readers {
            writeln!(f, "{:>26.3}  {}", reader.rate.times(1e-6), reader.command)?;
        }
        for Skipped { name, reason } in &self.skipped {
            writeln!(f, "{name} was not measured: {reason}")?;
        }
        if let Some(times) = self.times_tshark {
            writeln!(f, "{times:.1} times tshark's rate")?;
        }
        write!(f, "{}", self.belief)
    }
}

#[cfg(test)]
mod tests {
    use pcap_parser::PcapCapture;
    use sensor_common::classify::classify_ethernet;

    use super::*;
    use crate::{network::DARK_PREFIX, watched::Prefixes};

    #[test]
    fn the_capture_holds_scans_of_the_dark_prefix() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("capture.pcap");
        write_capture(500, &path).unwrap();
        let bytes = fs::read(&path).unwrap();
        let capture = PcapCapture::from_file(&bytes).unwrap();
        assert_eq!(capture.blocks.len(), 500);
        let dark = Prefixes::parse(&[DARK_PREFIX]).unwrap();
        for block in &capture.blocks {
            let observation = classify_ethernet(block.data, &dark).unwrap();
            assert_eq!(observation.class, sensor_common::Class::Scan);
        }
    }
}
