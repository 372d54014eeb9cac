//! The systemd unit: what systemd's own tools say of it.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::{Test, files, tools::run};

pub(crate) const TESTS: &[Test] = &[
    (
        "the_unit_is_one_that_systemd_takes",
        the_unit_is_one_that_systemd_takes,
    ),
    (
        "the_units_exposure_is_at_most_two",
        the_units_exposure_is_at_most_two,
    ),
];

const UNIT: &str = "deploy/systemd/teiten.service";
/// Of `systemd-analyze security`, in tenths.
const MOST_EXPOSURE: u32 = 20;

fn analyze(arguments: &[&str]) -> Result<String> {
    run("systemd-analyze", "systemd", arguments)
}

/// Unknown keys and values are warnings to systemd, and errors to us. Only the program is not where the unit has it.
fn the_unit_is_one_that_systemd_takes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let unit = fs::read_to_string(files::root().join(UNIT))?;
    let runs = "ExecStart=teiten run";
    ensure!(unit.contains(runs), "{UNIT} starts something else");
    let path = folder.path().join("teiten.service");
    fs::write(&path, unit.replace(runs, "ExecStart=/bin/true run"))?;
    let said = analyze(&["verify", "--man=no", path.to_str().context("a path")?])?;
    ensure!(said.is_empty(), "{said}");
    Ok(())
}

fn the_units_exposure_is_at_most_two() -> Result<()> {
    let path = files::root().join(UNIT);
    let path = path.to_str().context("a path")?;
    let threshold = |tenths: u32| format!("--threshold={tenths}");
    // It fails above the threshold; with one that nothing keeps it must fail, or it says nothing.
    analyze(&[
        "security",
        "--offline=yes",
        "--no-pager",
        &threshold(MOST_EXPOSURE),
        path,
    ])?;
    let held = analyze(&["security", "--offline=yes", "--no-pager", &threshold(1), path]);
    ensure!(held.is_err(), "systemd-analyze keeps to no threshold");
    Ok(())
}
