//! The files that are installed, each with its place.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{architecture::Architecture, crates::Crates};
use crate::{command, project};

/// Files of the project, and where they go.
const FILES: [(&str, &str); 6] = [
    (
        "deploy/systemd/teiten.service",
        "usr/lib/systemd/system/teiten.service",
    ),
    ("deploy/systemd/teiten.sysusers", "usr/lib/sysusers.d/teiten.conf"),
    ("sensor-user/src/config/teiten.toml", "etc/teiten/teiten.toml"),
    ("deploy/debian/copyright", "usr/share/doc/teiten/copyright"),
    ("README.md", "usr/share/doc/teiten/README.md"),
    ("CHANGELOG.md", "usr/share/doc/teiten/changelog"),
];
/// Folders of the project that go as they are.
const FOLDERS: [(&str, &str); 4] = [
    ("docs", "usr/share/doc/teiten/docs"),
    ("deploy/prometheus", "usr/share/teiten/prometheus"),
    ("deploy/alertmanager", "usr/share/teiten/alertmanager"),
    ("deploy/grafana", "usr/share/teiten/grafana"),
];
/// What of these folders is for the project itself.
const LEFT_OUT: [&str; 3] = ["deploy/prometheus/tests", "/demo", "deploy/grafana/source"];
/// The shells, with the place of their completions.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/teiten"),
    ("zsh", "usr/share/zsh/vendor-completions/_teiten"),
    ("fish", "usr/share/fish/vendor_completions.d/teiten.fish"),
];

/// What a file holds.
enum Content {
    Of(PathBuf),
    Text(String),
}

struct File {
    place: String,
    mode: u32,
    content: Content,
}

/// The files.
pub(super) struct Tree(Vec<File>);

impl Tree {
    /// The program, and all that belongs to it. Man pages and completions are the program's own word.
    pub(super) fn gather(
        program: &Path,
        architecture: Architecture,
        stage: &Path,
        crates: &Crates,
    ) -> Result<Self> {
        let mut tree = Self(Vec::new());
        tree.add("usr/bin/teiten", 0o755, Content::Of(program.to_owned()));
        for (from, to) in FILES {
            // It names watched prefixes, which are a telescope's secret.
            let mode = if to.starts_with("etc/") { 0o640 } else { 0o644 };
            tree.add(to, mode, Content::Of(project::root().join(from)));
        }
        for (from, to) in FOLDERS {
            tree.add_folder(Path::new(from), to)?;
        }
        let pages = stage.join("man");
        fs::create_dir_all(&pages)?;
        command::run(speaking(program, architecture).arg("man").arg(&pages))?;
        for page in listed(&pages)? {
            let name = page
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            tree.add(&format!("usr/share/man/man1/{name}"), 0o644, Content::Of(page));
        }
        for (shell, place) in SHELLS {
            let text = command::output_of(speaking(program, architecture).args(["completions", shell]))
                .with_context(|| format!("the program has no completions of {shell}"))?;
            tree.add(place, 0o644, Content::Text(text));
        }
        tree.add(
            "usr/share/doc/teiten/THIRD-PARTY-LICENCES",
            0o644,
            Content::Text(crates.licences()),
        );
        tree.add(
            "usr/share/doc/teiten/sbom.cdx.json",
            0o644,
            Content::Text(crates.inventory()),
        );
        Ok(tree)
    }

    fn add(&mut self, place: &str, mode: u32, content: Content) {
        self.0.push(File {
            place: place.to_owned(),
            mode,
            content,
        });
    }

    fn add_folder(&mut self, from: &Path, to: &str) -> Result<()> {
        for path in listed(&project::root().join(from))? {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let own = from.join(&name);
            if LEFT_OUT.iter().any(|part| own.to_string_lossy().ends_with(part)) {
                continue;
            }
            let place = format!("{to}/{name}");
            if path.is_dir() {
                self.add_folder(&own, &place)?;
            } else {
                self.add(&place, 0o644, Content::Of(path));
            }
        }
        Ok(())
    }

    /// Lays the files below a folder, each at the place that `place` makes of its own; long texts compressed.
    pub(super) fn write(&self, folder: &Path, place: impl Fn(&str) -> String) -> Result<()> {
        for file in &self.0 {
            let path = folder.join(place(&file.place));
            let name = || format!("{} cannot be written", path.display());
            make_folders(path.parent().unwrap_or(folder)).with_context(name)?;
            match &file.content {
                Content::Of(from) => fs::copy(from, &path).map(drop).with_context(name)?,
                Content::Text(text) => fs::write(&path, text).with_context(name)?,
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
            if is_compressed(&file.place) {
                command::run(Command::new("gzip").args(["-9", "--no-name"]).arg(&path))?;
            }
        }
        Ok(())
    }

    /// Those that belong to whoever administers the system.
    pub(super) fn configuration(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .map(|file| file.place.as_str())
            .filter(|place| place.starts_with("etc/"))
    }
}

/// Debian's policy has man pages and changelogs compressed; so are the longest texts.
fn is_compressed(place: &str) -> bool {
    place.starts_with("usr/share/man/")
        || ["changelog", "THIRD-PARTY-LICENCES", "sbom.cdx.json"]
            .iter()
            .any(|name| place.ends_with(&format!("usr/share/doc/teiten/{name}")))
}

/// A program that speaks for the packaged one: itself, or where it does not run here, one that is built for here.
fn speaking(program: &Path, architecture: Architecture) -> Command {
    if architecture.is_here() {
        return Command::new(program);
    }
    let mut cargo = command::cargo();
    cargo.args(["run", "--quiet", "--package", "teiten", "--"]);
    cargo
}

/// Makes folders that everybody may read, whatever the umask is.
fn make_folders(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    make_folders(folder.parent().context("no folder above")?)?;
    fs::create_dir(folder)?;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?)
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
