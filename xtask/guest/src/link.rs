//! Links of this machine: it is made for one run, so they need no namespace of their own.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, bail};

/// The Ethernet address of the sensor's end: the one that frames of the lab are sent to.
const RX_MAC: &str = "02:00:00:00:00:02";

/// A pair of virtual Ethernet ends with one queue each, without IPv6. Dropping it removes it.
pub struct Pair {
    /// The sending end.
    pub tx: &'static str,
    /// The sensor's end.
    pub rx: &'static str,
}

impl Pair {
    /// Makes the pair, up.
    ///
    /// # Errors
    /// There is one already, or `ip` refuses.
    pub fn make() -> Result<Self> {
        let (tx, rx) = ("tx", "rx");
        ip(&format!(
            "link add name {tx} numrxqueues 1 numtxqueues 1 type veth \
             peer name {rx} address {RX_MAC} numrxqueues 1 numtxqueues 1"
        ))?;
        let pair = Self { tx, rx };
        for end in [rx, tx] {
            set_up(end)?;
        }
        Ok(pair)
    }

    /// Has the sensor's end polled by a timer of the CPU that polled it last, and woken by no sender: so that packets of
    /// one CPU can be made to arrive on another.
    ///
    /// # Errors
    /// The kernel has no such settings.
    pub fn poll_by_timer(&self) -> Result<()> {
        // The timer's period in nanoseconds, and after how many empty polls senders wake the interface again.
        for (setting, value) in [
            ("gro_flush_timeout", "30000"),
            ("napi_defer_hard_irqs", "1000000"),
        ] {
            let path = format!("/sys/class/net/{}/{setting}", self.rx);
            fs::write(&path, value).with_context(|| format!("{path} cannot be written"))?;
        }
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if let Err(error) = ip(&format!("link delete dev {}", self.tx)) {
            eprintln!("warning: a link is left behind: {error:#}");
        }
    }
}

/// Sets an interface up, without IPv6: neighbour discovery would add packets.
///
/// # Errors
/// There is no such interface.
pub fn set_up(interface: &str) -> Result<()> {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
    fs::write(&path, "1").with_context(|| format!("{path} cannot be written"))?;
    ip(&format!("link set dev {interface} up"))
}

fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .context("`ip` could not be started")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`ip {arguments}` failed: {}", said.trim());
    }
    Ok(())
}
