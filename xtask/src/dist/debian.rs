//! The Debian package, made by dpkg-deb.
//!
//! Not by cargo-deb: that is some two hundred crates to compile on each machine that packs, for a control file, a list of
//! checksums and three scripts that stand in `deploy/debian/` anyway; dpkg-deb is part of every Debian.

use std::{fmt::Write as _, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{architecture::Architecture, tree::Tree};
use crate::{command, project};

/// No address of a person: what is wrong with the package is reported where its source is.
const MAINTAINER: &str = "The Teiten authors <teiten@example.net>";
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Packs the files into `stage`, and gives the package's name.
///
/// # Errors
/// A file cannot be written, or dpkg-deb finds fault with them.
pub(super) fn pack(
    tree: &Tree,
    program: &Path,
    architecture: Architecture,
    revision: u32,
    stage: &Path,
    epoch: &str,
) -> Result<String> {
    let root = stage.join("debian");
    tree.write(&root, str::to_owned)?;
    let about = root.join("DEBIAN");
    fs::create_dir(&about)?;
    fs::set_permissions(&about, fs::Permissions::from_mode(0o755))?;
    let version = format!("{}-{revision}", env!("CARGO_PKG_VERSION"));
    let libc = architecture.least_glibc(program)?;
    fs::write(
        about.join("control"),
        control(&version, architecture, &libc, size(&root)?),
    )?;
    write_changelog(&root, &version, epoch)?;
    let mut listed = String::new();
    for place in tree.configuration() {
        writeln!(listed, "/{place}")?;
    }
    fs::write(about.join("conffiles"), listed)?;
    fs::write(about.join("md5sums"), md5sums(&root)?)?;
    for script in SCRIPTS {
        let to = about.join(script);
        fs::copy(project::root().join("deploy/debian").join(script), &to)?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
    }
    let name = format!("teiten_{version}_{}.deb", architecture.debian());
    let mut pack = Command::new("dpkg-deb");
    // With the time of the source and no owner's name, the same source gives the same package.
    pack.env("SOURCE_DATE_EPOCH", epoch)
        .args(["--root-owner-group", "-Zxz", "--build"])
        .arg(&root)
        .arg(stage.join(&name));
    command::run(&mut pack).context("dpkg-deb is of Debian's package dpkg")?;
    Ok(name)
}

fn control(version: &str, architecture: Architecture, libc: &str, kibibytes: u64) -> String {
    // Of systemd come the unit's manager and `systemd-sysusers`; deb-systemd-helper is in every Debian.
    format!(
        "Package: teiten\n\
         Version: {version}\n\
         Architecture: {}\n\
         Maintainer: {MAINTAINER}\n\
         Section: net\n\
         Priority: optional\n\
         Installed-Size: {kibibytes}\n\
         Depends: libc6 (>= {libc}), libgcc-s1, systemd\n\
         Recommends: tor-geoipdb\n\
         Suggests: prometheus, prometheus-alertmanager\n\
         Description: network-telescope sensor that counts in XDP\n \
         Watches the packets that arrive at addresses nobody asked for, counts them in\n \
         the kernel, says which region and which scanning tool they come from, and\n \
         serves it all to Prometheus. The program for the kernel is inside.\n \
         .\n \
         The service is not started before /etc/teiten/teiten.toml says what to watch.\n",
        architecture.debian()
    )
}

/// What Debian wants to know of the package itself; what changed in the program stands in `changelog.gz`.
fn write_changelog(root: &Path, version: &str, epoch: &str) -> Result<()> {
    let mut date = Command::new("date");
    date.args(["--utc", "--rfc-email", &format!("--date=@{epoch}")]);
    let date = command::output_of(&mut date).context("date of coreutils cannot be run")?;
    let text = format!(
        "teiten ({version}) stable; urgency=medium\n\n  * As the project packs it.\n\n -- {MAINTAINER}  {}\n",
        date.trim()
    );
    let path = root.join("usr/share/doc/teiten/changelog.Debian");
    fs::write(&path, text)?;
    command::run(Command::new("gzip").args(["-9", "--no-name"]).arg(path))
}

/// What is installed, in KiB as dpkg counts: a file takes whole ones.
fn size(root: &Path) -> Result<u64> {
    let listed = command::output_of(Command::new("du").args(["-k", "--apparent-size", "-s"]).arg(root));
    let listed = listed.context("du of coreutils cannot be run")?;
    let number = listed.split_whitespace().next().context("du says nothing")?;
    Ok(number.parse()?)
}

fn md5sums(root: &Path) -> Result<String> {
    let mut sums = Command::new("sh");
    sums.args([
        "-c",
        "find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum",
    ])
    .current_dir(root);
    command::output_of(&mut sums).context("md5sum of coreutils cannot be run")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_control_file_is_a_field_or_goes_on() {
        let text = control("0.1.0-1", Architecture::Amd64, "2.34", 1);
        for line in text.lines() {
            let is_field = line
                .split_once(": ")
                .is_some_and(|(name, value)| !name.contains(' ') && !value.is_empty());
            assert!(is_field || line.starts_with(' '), "{line:?}");
        }
        assert!(text.contains("\n .\n The service"), "a new paragraph:\n{text}");
    }
}
