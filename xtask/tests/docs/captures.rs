//! The captures that shown commands read.

use std::{fs::File, path::Path, process::Command, time::Duration};

use anyhow::{Result, ensure};
use sensor_lab::pcap::Writer;

/// A SYN without data to 198.51.100.7, port 23, over IPv4 (RFC 791, RFC 9293); nobody looks at its checksums.
const SYN: [u8; 54] = [
    2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, // Ethernet
    0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0, 2, 9, 198, 51, 100, 7, // IPv4
    0x9c, 0x40, 0, 23, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0, // TCP
];
/// The type of Ethernet in captures.
const ETHERNET: u32 = 1;

/// Writes `monday.pcap` with ten packets, and `tuesday.pcap.gz` with the same.
pub(crate) fn lay(folder: &Path) -> Result<()> {
    for name in ["monday.pcap", "tuesday.pcap"] {
        let mut writer = Writer::begin(File::create(folder.join(name))?, ETHERNET)?;
        for second in 0..10 {
            writer.frame(Duration::from_secs(1_700_000_000 + second), &SYN)?;
        }
        writer.finish()?;
    }
    let status = Command::new("gzip").arg(folder.join("tuesday.pcap")).status()?;
    ensure!(status.success(), "gzip failed");
    Ok(())
}
