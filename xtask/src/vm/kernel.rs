//! Which kernels there are, and their packages, unpacked and not installed.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::apt::Apt;
use crate::{progress, project};

/// Debian's package that depends on a suite's newest kernel for virtual machines.
const METAPACKAGE: &str = "linux-image-cloud-amd64";

/// A kernel of Debian's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    V5_10,
    V6_1,
    V6_12,
    Newest,
}

impl fmt::Display for Kernel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A kernel's unpacked packages.
#[derive(Clone, Debug)]
pub(crate) struct Unpacked {
    /// What boots.
    pub(crate) image: PathBuf,
    /// The folder of its modules, called `kernel`.
    pub(crate) modules: PathBuf,
}

impl Kernel {
    /// From the oldest to the newest.
    pub(crate) const ALL: [Self; 4] = [Self::V5_10, Self::V6_1, Self::V6_12, Self::Newest];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V5_10 => "5.10",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::Newest => "newest",
        }
    }

    /// Debian's suites that have it.
    const fn suites(self) -> &'static [&'static str] {
        match self {
            Self::V5_10 => &["bullseye", "bullseye-security"],
            Self::V6_1 => &["bookworm", "bookworm-security"],
            Self::V6_12 => &["trixie", "trixie-security"],
            Self::Newest => &["trixie-backports"],
        }
    }

    /// Where all of it lies.
    pub(crate) fn folder(self) -> PathBuf {
        project::root().join("target/vm").join(self.name())
    }

    /// Fetches and unpacks its packages, unless they are here and none newer are asked for.
    ///
    /// # Errors
    /// Debian's archive is out of reach or does not have it.
    pub(crate) fn fetch(self, update: bool) -> Result<Unpacked> {
        let root = self.folder().join("root");
        if !update && let Ok(unpacked) = Unpacked::find(&root) {
            return Ok(unpacked);
        }
        let apt = Apt::new(&self.folder().join("apt"), self.suites())?;
        apt.update(&format!("looking for Linux {self} in Debian's archive"))?;
        let packages = apt.closure(METAPACKAGE, is_part_of_kernel)?;
        let files: Vec<&String> = packages.iter().filter(|name| has_files(name)).collect();
        ensure!(
            !files.is_empty(),
            "Debian's {} has no {METAPACKAGE}",
            self.suites().join(" and ")
        );
        let downloads = self.folder().join("packages");
        start_anew(&downloads)?;
        apt.download(&files, &downloads)?;
        // Aside, so that one that is broken off is not taken for a kernel with all its modules.
        let part = self.folder().join("root.part");
        start_anew(&part)?;
        unpack(&downloads, &part)?;
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("{} cannot be removed", root.display()))?;
        }
        fs::rename(&part, &root).with_context(|| format!("{} cannot be made", root.display()))?;
        Unpacked::find(&root)
    }
}

/// Whether a package is of the kernel itself: `linux-image-6.1.0-56-cloud-amd64` and not `kmod`.
fn is_part_of_kernel(package: &str) -> bool {
    ["linux-image-", "linux-modules-", "linux-binary-", "linux-base-"]
        .iter()
        .any(|prefix| package.starts_with(prefix))
}

/// Whether it holds files of the kernel, and is not a metapackage: those have no version in their names.
fn has_files(package: &str) -> bool {
    !package.starts_with("linux-base-")
        && package
            .split('-')
            .nth(2)
            .is_some_and(|version| version.starts_with(|letter: char| letter.is_ascii_digit()))
}

fn start_anew(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

fn unpack(packages: &Path, root: &Path) -> Result<()> {
    let entries = fs::read_dir(packages).with_context(|| format!("{} cannot be read", packages.display()))?;
    for entry in entries {
        let package = entry.context("the packages cannot be listed")?.path();
        let name = package
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut command = Command::new("dpkg");
        command.arg("-x").arg(&package).arg(root);
        progress::quietly(&format!("unpacking {name}"), &mut command)?;
    }
    Ok(())
}

impl Unpacked {
    /// Finds image and modules: Debian keeps them below `boot` and `lib`, and in newer releases below `usr`.
    fn find(root: &Path) -> Result<Self> {
        let image = find(root, &|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
        });
        let modules = find(root, &|path| {
            path.is_dir()
                && path.ends_with("kernel")
                && path.components().any(|part| part.as_os_str() == "modules")
        });
        Ok(Self {
            image: image.with_context(|| format!("{} has no kernel in it", root.display()))?,
            modules: modules.with_context(|| format!("{} has no modules in it", root.display()))?,
        })
    }

    /// A module's file, packed or not.
    pub(crate) fn module(&self, name: &str) -> Option<PathBuf> {
        let names = [format!("{name}.ko"), format!("{name}.ko.xz")];
        find(&self.modules, &|path| {
            path.file_name()
                .is_some_and(|file| names.iter().any(|name| file == name.as_str()))
        })
    }
}

/// The first path below a folder that is wanted, in the order of names.
fn find(folder: &Path, wanted: &impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort_unstable();
    let here = paths.iter().find(|path| wanted(path)).cloned();
    here.or_else(|| {
        paths
            .iter()
            .filter(|path| path.is_dir() && !path.is_symlink())
            .find_map(|path| find(path, wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernels_packages_are_told_from_what_it_depends_on() {
        for (package, part, files) in [
            ("linux-image-cloud-amd64", true, false),
            ("linux-image-6.1.0-56-cloud-amd64", true, true),
            ("linux-image-6.12.117+deb13-cloud-amd64", true, true),
            ("linux-modules-cloud-amd64", true, false),
            ("linux-modules-7.3.4+deb13-cloud-amd64", true, true),
            ("linux-binary-7.3.4+deb13-cloud-amd64", true, true),
            ("linux-base-7.3.4+deb13-cloud-amd64", true, false),
            ("linux-base", false, false),
            ("kmod", false, false),
        ] {
            assert_eq!(is_part_of_kernel(package), part, "{package}");
            assert!(!files || part, "{package}");
            assert_eq!(part && has_files(package), files, "{package}");
        }
    }

    #[test]
    fn image_and_modules_are_found_in_either_layout() {
        for (image, modules) in [
            ("boot/vmlinuz-6.1.0", "lib/modules/6.1.0/kernel"),
            ("usr/lib/modules/7.3.4/vmlinuz", "usr/lib/modules/7.3.4/kernel"),
        ] {
            let root = tempfile::tempdir().unwrap();
            let (image, modules) = (root.path().join(image), root.path().join(modules));
            assert!(Unpacked::find(root.path()).is_err());
            fs::create_dir_all(image.parent().unwrap()).unwrap();
            fs::create_dir_all(modules.join("drivers/net")).unwrap();
            fs::write(&image, "").unwrap();
            fs::write(modules.join("drivers/net/veth.ko.xz"), "").unwrap();
            let unpacked = Unpacked::find(root.path()).unwrap();
            assert_eq!((&unpacked.image, &unpacked.modules), (&image, &modules));
            assert_eq!(
                unpacked.module("veth"),
                Some(modules.join("drivers/net/veth.ko.xz"))
            );
            assert_eq!(unpacked.module("eth"), None);
        }
    }
}
