//! `cargo xtask dist`: what a release consists of, in `target/dist/`.

mod architecture;
mod crates;
mod debian;
mod tree;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use self::{architecture::Architecture, tree::Tree};
use crate::{
    artifacts, build, command, progress, project,
    setup::{self, Need},
};

/// Make the Debian package, the archive, the lists of what is in them, and their checksums.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Package this program instead of building one; one for another architecture, for instance.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Which package of this version it is.
    #[arg(long, value_name = "N", default_value_t = 1)]
    revision: u32,
    /// Where to.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Arguments {
    /// Those that pack this program into `out`.
    pub(crate) fn of(program: &Path, revision: u32, out: &Path) -> Self {
        Self {
            program: Some(program.to_owned()),
            revision,
            out: Some(out.to_owned()),
        }
    }
}

/// Builds, stages, packs, and says what lies where.
///
/// # Errors
/// When something is missing or does not compile, or a tool of Debian's fails.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let built = match &arguments.program {
        Some(program) => program.clone(),
        None => release()?,
    };
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| project::root().join("target/dist"));
    let stage = out.join("stage");
    if stage.exists() {
        fs::remove_dir_all(&stage).with_context(|| format!("{} cannot be emptied", stage.display()))?;
    }
    fs::create_dir_all(&stage).with_context(|| format!("{} cannot be made", stage.display()))?;

    let architecture = Architecture::of(&built)?;
    progress::step(&format!(
        "packing {} for {}",
        built.display(),
        architecture.debian()
    ));
    let program = stage.join("teiten");
    architecture.strip(&built, &program)?;
    let crates = crates::of_sensor(architecture)?;
    let tree = Tree::gather(&program, architecture, &stage, &crates)?;
    let epoch = &commit_time()?;

    let version = env!("CARGO_PKG_VERSION");
    let package = debian::pack(&tree, &program, architecture, arguments.revision, &stage, epoch)?;
    let archive = format!("teiten-{version}-{}-linux.tar.gz", architecture.machine());
    archive_of(&tree, &stage, &archive, epoch)?;
    let listed = format!("teiten-{version}-{}.cdx.json", architecture.machine());
    fs::write(stage.join(&listed), crates.inventory())?;

    let files = [package, archive, listed];
    for name in &files {
        fs::rename(stage.join(name), out.join(name)).with_context(|| format!("{name} was not made"))?;
    }
    let sums = format!("SHA256SUMS-{}", architecture.machine());
    write_checksums(&out, &sums, &files)?;
    fs::remove_dir_all(&stage).context("the stage cannot be removed")?;
    for name in files.iter().chain([&sums]) {
        let size = fs::metadata(out.join(name))?.len();
        eprintln!("   {:>9} {}", size, out.join(name).display());
    }
    eprintln!("   {}", crates.summary());
    Ok(())
}

/// Both sides, the user's optimised.
fn release() -> Result<PathBuf> {
    setup::ensure(Need::Build, false)?;
    build::build_objects(|features| features.is_empty())?;
    progress::step("building the sensor");
    let mut cargo = command::cargo();
    cargo.args(["build", "--release", "--package", "teiten", "--bin", "teiten"]);
    let programs = artifacts::compile(&mut cargo)?;
    let program = programs.into_iter().find(|artifact| artifact.name == "teiten");
    program
        .map(|artifact| artifact.executable)
        .context("cargo names no program teiten")
}

/// The time of the newest commit, so that the same source gives the same files; without git, that of now.
fn commit_time() -> Result<String> {
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"])
        .current_dir(project::root());
    let of_commit = command::output_of(&mut git).map(|text| text.trim().to_owned());
    match of_commit.filter(|text| !text.is_empty()) {
        Some(time) => Ok(time),
        None => Ok(std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)?
            .as_secs()
            .to_string()),
    }
}

/// The same files for systems without dpkg, below one folder, without `usr/`.
fn archive_of(tree: &Tree, stage: &Path, name: &str, epoch: &str) -> Result<()> {
    let top = name.trim_end_matches(".tar.gz");
    tree.write(&stage.join(top), |path| {
        path.strip_prefix("usr/").unwrap_or(path).to_owned()
    })?;
    let mut tar = Command::new("tar");
    tar.args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--format=ustar",
    ])
    .arg(format!("--mtime=@{epoch}"))
    .args(["--use-compress-program=gzip -9n", "-cf", name, top])
    .current_dir(stage);
    command::run(&mut tar)
}

fn write_checksums(out: &Path, name: &str, files: &[String]) -> Result<()> {
    let mut sums = Command::new("sha256sum");
    sums.args(files).current_dir(out);
    let text = command::output_of(&mut sums).context("sha256sum of coreutils cannot be run")?;
    fs::write(out.join(name), text).with_context(|| format!("{name} cannot be written"))
}
