//! What machine a program is for, and the tools for programs of that kind.

use std::{fs::File, io::Read as _, path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command;

/// A machine that the sensor runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    Amd64,
    Arm64,
}

impl Architecture {
    /// That of a program, by its ELF header (`e_machine`, System V ABI).
    pub(super) fn of(program: &Path) -> Result<Self> {
        let mut header = [0; 20];
        File::open(program)
            .and_then(|mut file| file.read_exact(&mut header))
            .with_context(|| format!("{} cannot be read", program.display()))?;
        Self::of_header(&header).with_context(|| program.display().to_string())
    }

    fn of_header(header: &[u8; 20]) -> Result<Self> {
        ensure!(
            header.starts_with(b"\x7fELF\x02\x01"),
            "this is no 64-bit little-endian program"
        );
        match u16::from_le_bytes([header[18], header[19]]) {
            62 => Ok(Self::Amd64),
            183 => Ok(Self::Arm64),
            other => bail!("the sensor is not made for machine {other} of ELF"),
        }
    }

    /// Debian's name of it.
    pub(super) const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The kernel's name of it.
    pub(super) const fn machine(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// The compiler's name of it.
    pub(super) fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.machine())
    }

    /// Whether its programs run here.
    pub(super) fn is_here(self) -> bool {
        std::env::consts::ARCH == self.machine()
    }

    /// A tool of binutils that understands its programs.
    fn tool(self, name: &str) -> Command {
        if self.is_here() {
            Command::new(name)
        } else {
            Command::new(format!("{}-linux-gnu-{name}", self.machine()))
        }
    }

    /// Copies a program without its symbols.
    pub(super) fn strip(self, from: &Path, to: &Path) -> Result<()> {
        let mut strip = self.tool("strip");
        strip.args(["--strip-all", "-o"]).arg(to).arg(from);
        command::run(&mut strip).context("Debian's binutils has it, or binutils-aarch64-linux-gnu")
    }

    /// The newest version of glibc that a program asks for: the oldest system that it runs on.
    pub(super) fn least_glibc(self, program: &Path) -> Result<String> {
        let mut objdump = self.tool("objdump");
        let symbols =
            command::output_of(objdump.arg("-T").arg(program)).context("objdump cannot read the program")?;
        newest_glibc(&symbols).context("the program asks for no version of glibc")
    }
}

fn newest_glibc(symbols: &str) -> Option<String> {
    let versions = symbols
        .split("GLIBC_")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit() && c != '.').next());
    let number =
        |version: &str| -> Vec<u32> { version.split('.').filter_map(|part| part.parse().ok()).collect() };
    versions.max_by_key(|version| number(version)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_what_machine_it_is_for() {
        let header = |class: u8, machine: u16| {
            let mut header = *b"\x7fELF\x02\x01\0\0\0\0\0\0\0\0\0\0\x03\0\0\0";
            header[4] = class;
            header[18..].copy_from_slice(&machine.to_le_bytes());
            header
        };
        assert_eq!(
            Architecture::of_header(&header(2, 62)).unwrap(),
            Architecture::Amd64
        );
        assert_eq!(
            Architecture::of_header(&header(2, 183)).unwrap(),
            Architecture::Arm64
        );
        assert!(Architecture::of_header(&header(2, 40)).is_err(), "32-bit ARM");
        assert!(Architecture::of_header(&header(1, 62)).is_err(), "32 bits");
        assert!(Architecture::of_header(b"#!/bin/sh\necho hello").is_err());
    }

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        let symbols =
            "0 DF *UND* 0 (GLIBC_2.2.5) read\n0 DF *UND* 0 (GLIBC_2.34) x\n0 DF *UND* 0 (GLIBC_2.9) y\n";
        assert_eq!(newest_glibc(symbols).as_deref(), Some("2.34"));
        assert_eq!(newest_glibc("no symbols"), None);
    }
}
