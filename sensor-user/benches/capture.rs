//! How fast captures are read, with and without the classifier: `cargo bench -p teiten --bench capture [-- --json]`.
//!
//! A million packets such as a telescope sees, in a file that is in the page cache; one thread; the median of five.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot write its files has nothing to say"
)]

use std::{
    fs::{self, File},
    hint::black_box,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use fastrand::Rng;
use sensor_common::{Address, watch::Watch};
use teiten::capture::{Capture, classify};

const PACKETS: u32 = 1_000_000;
const ROUNDS: usize = 5;
/// An Ethernet frame without its check sequence, at the shortest.
const FRAME_BYTES: u32 = 60;

/// Watches 198.18.0.0/15, to which nine of ten packets go.
struct Telescope;

impl Watch for Telescope {
    fn contains_v4(&self, address: u32) -> bool {
        address & 0xfffe_0000 == 0xc612_0000
    }

    fn contains_v6(&self, _: Address) -> bool {
        false
    }
}

/// What was measured of one file, in packets a second.
struct Measurement {
    file: &'static str,
    bytes: u64,
    reading: f64,
    reading_and_classifying: f64,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let measurements: Vec<_> = write_files(folder.path())
        .into_iter()
        .map(|(file, path)| Measurement {
            file,
            bytes: fs::metadata(&path).unwrap().len(),
            reading: median_rate(|| read(&path)),
            reading_and_classifying: median_rate(|| read_and_classify(&path)),
        })
        .collect();
    if std::env::args().any(|argument| argument == "--json") {
        print_json(&measurements);
    } else {
        print_table(&measurements);
    }
}

fn print_table(measurements: &[Measurement]) {
    println!("{PACKETS} packets, median of {ROUNDS}, million packets a second");
    println!(
        "{:12} {:>12} {:>10} {:>24}",
        "file", "bytes", "reading", "reading and classifying"
    );
    for Measurement {
        file,
        bytes,
        reading,
        reading_and_classifying,
    } in measurements
    {
        println!(
            "{file:12} {bytes:>12} {:>10.1} {:>24.1}",
            reading / 1e6,
            reading_and_classifying / 1e6
        );
    }
}

fn print_json(measurements: &[Measurement]) {
    let files: Vec<_> = measurements
        .iter()
        .map(|measurement| {
            serde_json::json!({
                "file": measurement.file,
                "bytes": measurement.bytes,
                "reading_packets_per_second": measurement.reading.round(),
                "reading_and_classifying_packets_per_second": measurement.reading_and_classifying.round(),
            })
        })
        .collect();
    println!(
        "{}",
        serde_json::json!({ "packets": PACKETS, "rounds": ROUNDS, "files": files })
    );
}

/// Packets a second of the median round, after one that nobody measures.
fn median_rate(mut round: impl FnMut() -> u32) -> f64 {
    assert_eq!(round(), PACKETS);
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(round(), PACKETS);
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    f64::from(PACKETS) / seconds[ROUNDS / 2]
}

fn read(path: &Path) -> u32 {
    let mut capture = Capture::open(path).unwrap();
    let mut packets = 0;
    while let Some(frame) = capture.next().unwrap() {
        black_box(frame);
        packets += 1;
    }
    packets
}

fn read_and_classify(path: &Path) -> u32 {
    let mut capture = Capture::open(path).unwrap();
    let mut observed = 0;
    let mut packets = 0;
    while let Some(frame) = capture.next().unwrap() {
        observed += u32::from(black_box(classify(&frame, &Telescope)).is_ok());
        packets += 1;
    }
    assert!(observed > PACKETS / 2 && observed < PACKETS);
    packets
}

/// The same packets in each format.
fn write_files(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    let mut pcap = numbers(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1]);
    let mut pcapng = numbers(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    pcapng.extend(numbers(&[1, 20, 1, 262_144, 20]));
    let mut random = Rng::with_seed(1);
    for number in 0..PACKETS {
        let frame = frame(&mut random);
        pcap.extend(numbers(&[
            number / 1_000,
            number % 1_000 * 1_000,
            FRAME_BYTES,
            FRAME_BYTES,
        ]));
        pcap.extend(frame);
        pcapng.extend(numbers(&[
            6,
            FRAME_BYTES + 32,
            0,
            0,
            number * 1_000,
            FRAME_BYTES,
            FRAME_BYTES,
        ]));
        pcapng.extend(frame);
        pcapng.extend(numbers(&[FRAME_BYTES + 32]));
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    gzip.write_all(&pcap).unwrap();
    [
        ("pcap.gz", gzip.finish().unwrap()),
        ("pcap.zst", zstd::encode_all(&pcap[..], 3).unwrap()),
        ("pcap", pcap),
        ("pcapng", pcapng),
    ]
    .into_iter()
    .map(|(name, bytes)| {
        let path = folder.join(format!("capture.{name}"));
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        (name, path)
    })
    .collect()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A SYN or a datagram of a random source to a random port.
fn frame(random: &mut Rng) -> [u8; FRAME_BYTES as usize] {
    let mut frame = [0; FRAME_BYTES as usize];
    frame[12..24].copy_from_slice(&[0x08, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6]);
    random.fill(&mut frame[26..30]);
    frame[30..34].copy_from_slice(&[198, 18 + random.u8(..2), random.u8(..), random.u8(..)]);
    if random.u8(..10) == 0 {
        frame[30] = 192;
    }
    random.fill(&mut frame[34..42]);
    if random.u8(..10) < 7 {
        frame[46..50].copy_from_slice(&[0x50, 0x02, 0xff, 0xff]);
    } else {
        frame[23] = 17;
        frame[38..40].copy_from_slice(&[0, 20]);
    }
    frame
}
