//! The captures of Debian's source packages: fetched from the host's own mirrors, unpacked, never committed.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{command, progress, project};

/// Source packages whose own tests are captures.
const PACKAGES: [&str; 3] = ["tcpdump", "ndpi", "wireshark"];

/// How the names of captures end.
const ENDINGS: [&str; 7] = [
    ".pcap",
    ".pcapng",
    ".cap",
    ".pcap.gz",
    ".pcapng.gz",
    ".pcap.zst",
    ".pcapng.zst",
];

/// The key that Debian signs its archive with.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A capture file.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    /// The package, and the path within its sources.
    pub(crate) name: String,
    /// Where it lies.
    pub(crate) path: PathBuf,
}

/// Unpacked captures.
#[derive(Clone, Debug)]
pub(crate) struct Captures {
    /// Where they lie, a folder for each package.
    pub(crate) folder: PathBuf,
    /// Sorted by name.
    pub(crate) files: Vec<Capture>,
    /// Packages whose sources could not be had.
    pub(crate) missing: Vec<&'static str>,
}

/// Fetches and unpacks what is not there yet. With `sources`, archives are taken from that folder instead of a mirror.
///
/// # Errors
/// There is no apt, or nothing could be fetched.
pub(crate) fn captures(sources: Option<&Path>) -> Result<Captures> {
    let unpacked = project::root().join("target/captures");
    let mut missing = Vec::new();
    for package in PACKAGES {
        let folder = unpacked.join(package);
        if folder.is_dir() {
            continue;
        }
        match archive_of(package, sources) {
            Ok(archive) => unpack(&archive, &folder)?,
            Err(error) => {
                eprintln!("warning: no captures of {package}: {error:#}");
                missing.push(package);
            }
        }
    }
    let mut files = Vec::new();
    if unpacked.is_dir() {
        find_captures(&unpacked, &unpacked, &mut files)?;
    }
    ensure!(
        !files.is_empty(),
        "there is no capture: fetch the sources of {} by hand, and name their folder with `--debian-sources`",
        PACKAGES.join(", ")
    );
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Captures {
        folder: unpacked,
        files,
        missing,
    })
}

/// The upstream archive of a source package.
fn archive_of(package: &str, sources: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = sources {
        return find_archive(package, folder)?
            .with_context(|| format!("{} holds no {package}_*.orig.tar.*", folder.display()));
    }
    let folder = project::root().join("target/debian-sources");
    fs::create_dir_all(&folder)?;
    if let Some(archive) = find_archive(package, &folder)? {
        return Ok(archive);
    }
    let apt = Apt::prepare()?;
    let fetched = progress::quietly(
        &format!("fetching the sources of {package}"),
        apt.command("apt-get")
            .current_dir(&folder)
            .args(["source", "--download-only", package]),
    );
    // A mirror may lack Debian's own changes; the captures are in the upstream archive.
    match (find_archive(package, &folder)?, fetched) {
        (Some(archive), _) => Ok(archive),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => bail!("apt fetched no archive of {package}"),
    }
}

fn find_archive(package: &str, folder: &Path) -> Result<Option<PathBuf>> {
    let start = format!("{package}_");
    let mut found: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&start) && name.contains(".orig.tar.") && !name.ends_with(".asc")
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    Ok(found.pop())
}

/// apt with sources, lists and cache of its own below `target/`, so that the host's stay as they are.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn prepare() -> Result<Self> {
        ensure!(
            project::find_program("apt-get").is_some(),
            "this is no Debian: there is no apt-get"
        );
        let apt = Self {
            folder: project::root().join("target/apt"),
        };
        let list = apt.folder.join("sources.list");
        if apt.folder.join("lists/lock").exists() && list.is_file() {
            return Ok(apt);
        }
        fs::create_dir_all(apt.folder.join("lists/partial"))?;
        fs::create_dir_all(apt.folder.join("cache/archives/partial"))?;
        fs::write(&list, source_lines()?)?;
        progress::quietly(
            "reading the lists of source packages",
            apt.command("apt-get").arg("update"),
        )?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let mut set = |key: &str, value: &Path| {
            command.arg("-o").arg(format!("{key}={}", value.display()));
        };
        set("Dir::Etc::SourceList", &self.folder.join("sources.list"));
        set("Dir::Etc::SourceParts", Path::new("/dev/null"));
        set("Dir::State::Lists", &self.folder.join("lists"));
        set("Dir::Cache", &self.folder.join("cache"));
        // The folder need not be open to apt's own user.
        set("APT::Sandbox::User", Path::new("root"));
        command
    }
}

/// A line for each of Debian's archives that this host knows.
fn source_lines() -> Result<String> {
    let known = command::output_of(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Created-By: Packages",
        "Origin: Debian",
    ]))
    .context("apt does not say which archives it knows")?;
    let lines = lines_for(&known, Path::new(KEYRING).is_file());
    ensure!(
        !lines.is_empty(),
        "apt knows no archive of Debian's: run `apt-get update` as root, then this command again"
    );
    Ok(lines)
}

/// The main archive comes before that of security updates: of a version that both have, the former keeps the files.
fn lines_for(known: &str, signed: bool) -> String {
    let mut archives: Vec<_> = known.lines().collect();
    archives.sort_by_key(|archive| (archive.contains("-security"), archive.to_string()));
    archives.dedup();
    let option = if signed {
        format!("[signed-by={KEYRING}] ")
    } else {
        String::new()
    };
    archives.iter().fold(String::new(), |lines, archive| {
        lines + &format!("deb-src {option}{archive}\n")
    })
}

/// Takes the captures out of an archive. The folder appears when they are all in it.
fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let listed = command::output_of(Command::new("tar").arg("--list").arg("--file").arg(archive))
        .with_context(|| {
            format!(
                "{} cannot be unpacked; are tar, xz and bzip2 installed?",
                archive.display()
            )
        })?;
    let wanted: Vec<_> = listed.lines().filter(|name| is_capture(name)).collect();
    let aside = folder.with_extension("part");
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::create_dir_all(&aside)?;
    let mut tar = Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(&aside)
        .args(["--strip-components=1", "--no-same-owner", "--files-from=-"])
        .stdin(Stdio::piped())
        .spawn()
        .context("tar could not be started")?;
    if let Some(mut names) = tar.stdin.take() {
        names.write_all(wanted.join("\n").as_bytes())?;
    }
    let status = tar.wait()?;
    ensure!(
        status.success(),
        "tar could not unpack {} ({status})",
        archive.display()
    );
    fs::rename(&aside, folder)?;
    eprintln!("   {} captures in {}", wanted.len(), folder.display());
    Ok(())
}

fn is_capture(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Regular files alone: the same capture under another name says nothing more.
fn find_captures(root: &Path, folder: &Path, found: &mut Vec<Capture>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            find_captures(root, &path, found)?;
        } else if kind.is_file() && is_capture(&path.to_string_lossy()) {
            let name = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            found.push(Capture { name, path });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_archive_of_the_host_becomes_one_line_and_security_the_last() {
        let known = "http://a/debian-security/ stable-security main\nhttp://a/debian/ stable main\nhttp://a/debian/ stable main\n";
        assert_eq!(
            lines_for(known, false),
            "deb-src http://a/debian/ stable main\ndeb-src http://a/debian-security/ stable-security main\n"
        );
        assert!(lines_for(known, true).starts_with("deb-src [signed-by=/"));
        assert_eq!(lines_for("", true), "");
    }

    #[test]
    fn captures_are_told_by_their_endings() {
        for (name, expected) in [
            ("tests/a.pcap", true),
            ("tests/a.pcapng.gz", true),
            ("tests/a.cap", true),
            ("tests/a.pcap.out", false),
            ("tests/pcap", false),
        ] {
            assert_eq!(is_capture(name), expected, "{name}");
        }
    }
}
