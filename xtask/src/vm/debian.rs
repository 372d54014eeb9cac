//! A Debian with systemd as a machine's file system, in which the systemd unit is run for real.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    initramfs::{Programs, Root},
    kernel::Unpacked,
};
use crate::{command, dist, progress, project};

const SUITE: &str = "bookworm";
/// Beside what every Debian has.
const PACKAGES: &str = "systemd,systemd-sysv,iproute2,kmod,procps,util-linux";
/// What no test looks at.
const LEFT_OUT: [&str; 6] = [
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
];
/// Runs the guest program once the system is up, and ends the machine.
const SERVICE: &str = "[Unit]\nRequires=basic.target\nAfter=basic.target\n\n[Service]\nType=oneshot\n\
                       ExecStart=/bin/sh /teiten/guest.sh\nStandardOutput=tty\nStandardError=tty\nTTYPath=/dev/console\n";
const SCRIPT: &str = include_str!("debian.sh");
/// Lays it out below `folder` and packs it. Gives the packed file.
///
/// # Errors
/// Without root, without debootstrap or Debian's archive, or when files cannot be written.
pub(crate) fn build(folder: &Path, kernel: &Unpacked, programs: &Programs) -> Result<PathBuf> {
    let owner = fs::metadata("/proc/self").context("/proc is missing")?.uid();
    ensure!(
        owner == 0,
        "a Debian is made by root alone: run this command as root"
    );
    let base = base(&folder.join("debian-base"))?;
    let root = Root::begin(&folder.join("debian"))?;
    progress::quietly(
        "copying a Debian",
        Command::new("cp")
            .arg("--archive")
            .arg(base.join("."))
            .arg(root.folder()),
    )?;
    for name in LEFT_OUT {
        let path = root.folder().join(name);
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    root.add_modules(kernel)?;
    for (name, executable) in &programs.executables {
        root.add_stripped(executable, &format!("teiten/debug/{name}"))?;
    }
    let (_, daemon) = programs
        .executables
        .iter()
        .find(|(name, _)| *name == "teiten")
        .context("the daemon was not built")?;
    add_packages(&root, daemon, &folder.join("packages"))?;
    root.write("etc/systemd/system/teiten-guest.service", SERVICE)?;
    root.write("etc/hostname", "guest\n")?;
    root.write("teiten/guest.sh", SCRIPT)?;
    symlink("/lib/systemd/systemd", root.folder().join("init"))
        .context("systemd cannot be made the first program")?;
    let packed = folder.join("debian.cpio");
    root.pack(&packed)?;
    Ok(packed)
}

/// Two revisions of the package, and the page that says what to do with one.
fn add_packages(root: &Root, daemon: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    for revision in [1, 2] {
        let out = folder.join(revision.to_string());
        dist::run(&dist::Arguments::of(daemon, revision, &out))?;
        for entry in fs::read_dir(&out)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            // The sums of the first revision: of the second, only the package is of use.
            if path.extension().is_some_and(|end| end == "deb")
                || revision == 1 && name.starts_with("SHA256SUMS")
            {
                root.add(&path, &format!("teiten/packages/{name}"))?;
            }
        }
    }
    root.add(&project::root().join("docs/install.md"), "teiten/install.md")
}

/// Debian as debootstrap makes it, kept for the next time.
fn base(folder: &Path) -> Result<PathBuf> {
    let whole = folder.join(".whole");
    if whole.exists() {
        return Ok(folder.to_owned());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    let mut debootstrap = Command::new("debootstrap");
    command::clean_library_path(&mut debootstrap);
    debootstrap
        .args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE])
        .arg(folder);
    progress::quietly("making a Debian (some minutes)", &mut debootstrap)?;
    fs::write(&whole, "").context("the Debian cannot be marked as whole")?;
    Ok(folder.to_owned())
}
