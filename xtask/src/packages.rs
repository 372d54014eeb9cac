//! Debian packages: which are missing, and how they get installed.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{
    command::Elevation,
    progress,
    project::{cache, find_program},
};

/// Installs packages, but starts no daemon. A script, so that one `sudo` covers all of it and its clean-up.
const INSTALL: &str = include_str!("install.sh");

/// A command or file that the project uses, and the package that brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// A command's name, or the absolute path of a file.
    pub(crate) sign: &'static str,
    pub(crate) package: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) optional: bool,
}

impl Tool {
    const fn needed(sign: &'static str, package: &'static str, purpose: &'static str) -> Self {
        Self {
            sign,
            package,
            purpose,
            optional: false,
        }
    }

    const fn optional(sign: &'static str, package: &'static str, purpose: &'static str) -> Self {
        Self {
            sign,
            package,
            purpose,
            optional: true,
        }
    }

    /// Whether it is here already.
    pub(crate) fn is_present(&self) -> bool {
        if self.sign.starts_with('/') {
            Path::new(self.sign).exists()
        } else {
            find_program(self.sign).is_some()
        }
    }
}

/// What every Rust build with a C library in it needs.
pub(crate) const BUILD: [Tool; 5] = [
    Tool::needed("gcc", "gcc", "links programs"),
    Tool::needed("g++", "g++", "links bpf-linker with LLVM"),
    Tool::needed(
        "/usr/include/stdlib.h",
        "libc6-dev",
        "builds C libraries inside crates",
    ),
    Tool::needed("pkg-config", "pkg-config", "finds C libraries"),
    Tool::needed(
        "/etc/ssl/certs/ca-certificates.crt",
        "ca-certificates",
        "lets cargo fetch crates",
    ),
];

/// What demo and tests run.
pub(crate) const RUN: [Tool; 15] = [
    Tool::needed("ip", "iproute2", "makes test networks"),
    Tool::needed("ethtool", "ethtool", "sets their offloads"),
    Tool::needed(
        "tcpdump",
        "tcpdump",
        "is a second opinion on what was on the wire",
    ),
    Tool::needed("curl", "curl", "asks the sensor over TLS"),
    Tool::needed("openssl", "openssl", "makes certificates for that"),
    Tool::needed("systemd-analyze", "systemd", "judges the systemd unit"),
    Tool::needed("setcap", "libcap2-bin", "gives a program its capabilities"),
    Tool::needed("zmap", "zmap", "scans test networks"),
    Tool::needed("nmap", "nmap", "scans test networks"),
    Tool::needed("masscan", "masscan", "scans test networks"),
    Tool::needed(
        "/usr/share/tor/geoip",
        "tor-geoipdb",
        "says which region an address is in",
    ),
    Tool::needed(
        "promtool",
        "prometheus",
        "scrapes the sensor, checks metrics and rules",
    ),
    Tool::needed("amtool", "prometheus-alertmanager", "routes the alerts"),
    Tool::needed("tmux", "tmux", "is the terminal that the live view is tested in"),
    Tool::optional("bpftool", "bpftool", "shows loaded programs and maps"),
];

/// What the long tests run beside that.
pub(crate) const FULL: [Tool; 4] = [
    Tool::needed(
        "victoria-metrics",
        "victoria-metrics",
        "takes what an agent sends",
    ),
    Tool::needed(
        "debootstrap",
        "debootstrap",
        "makes a Debian to install the package in",
    ),
    Tool::needed("dpkg-deb", "dpkg", "makes the package"),
    Tool::optional(
        "chromium",
        "chromium",
        "looks at the sensor's page, and draws dashboards",
    ),
];

/// What operators use today, for benchmarks.
pub(crate) const PEERS: [Tool; 4] = [
    Tool::optional("nft", "nftables", "is measured beside the sensor"),
    Tool::optional("pmacctd", "pmacct", "is measured beside the sensor"),
    Tool::optional("tcpdump", "tcpdump", "is measured beside the sensor"),
    Tool::optional("xdp-bench", "xdp-tools", "is measured beside the sensor"),
];

/// What reads captures, for benchmarks.
pub(crate) const READERS: [Tool; 2] = [
    Tool::optional("tcpdump", "tcpdump", "is measured beside replay"),
    Tool::optional("tshark", "tshark", "is measured beside replay"),
];

/// What virtual machines are made of and run by.
pub(crate) const VM: [Tool; 10] = [
    Tool::needed("apt-get", "apt", "fetches kernels"),
    Tool::needed(
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "debian-archive-keyring",
        "says that they are Debian's",
    ),
    Tool::needed("xz", "xz-utils", "unpacks their modules"),
    Tool::needed("strip", "binutils", "makes programs small"),
    Tool::needed("busybox", "busybox-static", "is the system of virtual machines"),
    Tool::needed("ip", "iproute2", "makes links in them"),
    Tool::needed("setpriv", "util-linux", "starts programs as another user"),
    Tool::optional("debootstrap", "debootstrap", "makes a Debian with systemd"),
    Tool::needed("cpio", "cpio", "packs their files"),
    Tool::needed("qemu-system-x86_64", "qemu-system-x86", "runs them"),
];

/// The linter of Debian's compiler: the only one that can lint the XDP programs with it.
pub(crate) const DEBIAN_CLIPPY: Tool = Tool::optional(
    "/usr/bin/cargo-clippy",
    "rust-web-clippy",
    "lints the XDP programs",
);

/// Whether packages can be installed here at all.
pub(crate) fn can_install() -> bool {
    find_program("apt-get").is_some()
}

/// Installs packages by name, in one go.
///
/// # Errors
/// When this machine has no apt, this user cannot become root, or apt fails. The message holds the command to run.
pub(crate) fn install(packages: &[String]) -> Result<()> {
    let names = packages.join(" ");
    let by_hand = format!("apt-get install --no-install-recommends {names}");
    if !can_install() {
        bail!("this is no Debian: install what Debian calls {names}, then run this command again");
    }
    let elevation = Elevation::find();
    if let Elevation::Unavailable(reason) = elevation {
        bail!("{names} cannot be installed: {reason}. As root, run:\n    {by_hand}");
    }
    let script = cache().join("install.sh");
    let mut command = elevation.command(Path::new("/bin/sh"), &[])?;
    command.args(["-c", INSTALL]).arg(script).args(packages);
    progress::quietly(&format!("installing {names}"), &mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_in_the_systems_folders_and_a_file_by_its_path() {
        for (sign, expected) in [
            ("sh", true),
            ("/bin/sh", true),
            ("no-such-command", false),
            ("/no/such/file", false),
        ] {
            assert_eq!(
                Tool::needed(sign, "package", "purpose").is_present(),
                expected,
                "{sign}"
            );
        }
    }

    #[test]
    fn the_install_script_is_one_that_a_shell_reads() {
        let status = std::process::Command::new("sh")
            .args(["-n", "-c", INSTALL])
            .status()
            .unwrap();
        assert!(status.success());
    }
}
