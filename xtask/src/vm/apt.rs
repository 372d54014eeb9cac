//! apt with sources, lists and a cache of its own: the host's stay as they are, and it need not be run as root.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{command, progress};

/// Debian's keys, as the host has them installed.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Where Debian's archives are when the host names no mirror of them.
const MIRRORS: Mirrors<'static> = Mirrors {
    archive: "http://deb.debian.org/debian/",
    security: "http://deb.debian.org/debian-security/",
};

/// An apt of its own.
pub(crate) struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// Makes one in `folder` that knows these suites.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn new(folder: &Path, suites: &[&str]) -> Result<Self> {
        let host = hosts_sources();
        let mirrors = Mirrors::of(&host);
        let sources: String = suites.iter().map(|suite| mirrors.source(suite)).collect();
        for part in ["lists/partial", "state", "cache/archives/partial"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("{} cannot be made", part.display()))?;
        }
        let files = [
            ("sources.list", sources),
            ("apt.conf", configuration(folder)),
            // Nothing is installed: each package is taken as its suite has it.
            ("state/status", String::new()),
        ];
        for (name, content) in files {
            let path = folder.join(name);
            fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.join("apt.conf"));
        command
    }

    /// Fetches the lists of packages.
    ///
    /// # Errors
    /// The archive is out of reach, or not signed with Debian's keys.
    pub(crate) fn update(&self, title: &str) -> Result<()> {
        let mut command = self.command("apt-get");
        // A list that cannot be had is an error here, and no mere warning.
        command.args(["--error-on=any", "update"]);
        progress::quietly(title, &mut command)
    }

    /// A package and all that it depends on, as far as it is `wanted`.
    ///
    /// # Errors
    /// There is no such package.
    pub(crate) fn closure(&self, package: &str, wanted: impl Fn(&str) -> bool) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let mut left = vec![package.to_owned()];
        while let Some(package) = left.pop() {
            let answer = command::output_of(self.command("apt-cache").args(["depends", &package]))
                .with_context(|| format!("Debian's archive has no package {package}"))?;
            left.extend(
                dependencies(&answer)
                    .filter(|name| wanted(name) && !found.contains(*name))
                    .map(str::to_owned),
            );
            found.insert(package);
        }
        Ok(found)
    }

    /// Downloads packages into a folder, and installs nothing.
    ///
    /// # Errors
    /// The archive is out of reach.
    pub(crate) fn download(&self, packages: &[&String], into: &Path) -> Result<()> {
        let mut command = self.command("apt-get");
        command.arg("download").args(packages).current_dir(into);
        progress::quietly(&format!("downloading {} packages", packages.len()), &mut command)
    }
}

/// What differs from the host's configuration, of which the proxies and the like stay.
fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Dir::Etc::SourceList \"{folder}/sources.list\";\n\
         Dir::Etc::SourceParts \"-\";\n\
         Dir::State \"{folder}/state\";\n\
         Dir::State::Lists \"{folder}/lists\";\n\
         Dir::State::Status \"{folder}/state/status\";\n\
         Dir::Cache \"{folder}/cache\";\n\
         // Lists of packages alone, and no hooks: nothing of the host changes.\n\
         Acquire::Languages \"none\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
         #clear APT::Update::Pre-Invoke;\n\
         #clear APT::Update::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke-Success;\n\
         // The folder may be one that apt's own user cannot read.\n\
         APT::Sandbox::User \"root\";\n"
    )
}

/// The names in the answer of `apt-cache depends`.
fn dependencies(answer: &str) -> impl Iterator<Item = &str> {
    answer
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("Depends: ").map(str::trim))
}

/// The host's sources: repository, origin and label of each, one a line.
fn hosts_sources() -> String {
    let mut command = Command::new("apt-get");
    command.args([
        "indextargets",
        "--format",
        "$(REPO_URI) $(ORIGIN) $(LABEL)",
        "Created-By: Packages",
    ]);
    command::output_of(&mut command).unwrap_or_default()
}

/// Where Debian's archives are.
#[derive(Debug, PartialEq, Eq)]
struct Mirrors<'a> {
    archive: &'a str,
    security: &'a str,
}

impl<'a> Mirrors<'a> {
    /// The ones that the host uses.
    fn of(sources: &'a str) -> Self {
        let labelled = |label: &str| {
            sources
                .lines()
                .filter_map(|line| line.split_once(' '))
                .find_map(|(repository, rest)| (rest.trim() == label).then_some(repository))
        };
        Self {
            archive: labelled("Debian Debian").unwrap_or(MIRRORS.archive),
            security: labelled("Debian Debian-Security").unwrap_or(MIRRORS.security),
        }
    }

    /// The line of a suite in a list of sources.
    fn source(&self, suite: &str) -> String {
        let archive = if suite.ends_with("-security") {
            self.security
        } else {
            self.archive
        };
        format!("deb [arch=amd64 signed-by={KEYRING}] {archive} {suite} main\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_mirrors_are_taken_and_others_are_not() {
        let sources = "http://mirror.example/debian/ Debian Debian\n\
                       http://packages.example/tools/ Tools Some Tools\n\
                       http://mirror.example/debian-backports/ Debian Debian Backports\n\
                       http://mirror.example/debian-security/ Debian Debian-Security\n";
        let expected = Mirrors {
            archive: "http://mirror.example/debian/",
            security: "http://mirror.example/debian-security/",
        };
        assert_eq!(Mirrors::of(sources), expected);
        assert_eq!(
            Mirrors::of("http://packages.example/tools/ Tools Debian\n"),
            MIRRORS
        );
    }

    #[test]
    fn each_suite_comes_from_its_archive_and_is_signed_by_debian() {
        let source = |suite| MIRRORS.source(suite);
        assert!(source("bullseye").ends_with("/debian/ bullseye main\n"));
        assert!(source("bullseye-security").ends_with("/debian-security/ bullseye-security main\n"));
        assert!(source("bullseye").contains(KEYRING));
    }

    #[test]
    fn dependencies_are_read_and_alternatives_are_not() {
        let answer = "linux-image-6.1.0\n  PreDepends: linux-base\n |Depends: initramfs-tools\n  Depends: kmod\n  \
                      Depends: <linux-initramfs-tool>\n    dracut\n  Recommends: firmware\n";
        let found: Vec<_> = dependencies(answer).collect();
        assert_eq!(found, ["kmod", "<linux-initramfs-tool>"]);
    }
}
