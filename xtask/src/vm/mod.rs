//! `cargo xtask vm`: the sensor on Debian's kernels, each in a virtual machine of its own.

mod apt;
mod boot;
mod debian;
mod initramfs;
mod kernel;
mod readme;
mod report;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use self::{
    boot::{Machine, Outcome},
    initramfs::Programs,
    kernel::{Kernel, Unpacked},
    report::Report,
};
use crate::{
    artifacts, build, command, progress, project,
    results::Totals,
    setup::{self, Need},
};

/// How long a machine may take, in seconds. It is emulated: a minute on a quiet host, six on one with ten times the work.
const PATIENCE: u64 = 900;
/// The kernels whose checks are tests.
const TESTED: [Kernel; 2] = [Kernel::V5_10, Kernel::V6_1];
/// Where `--write` puts the table, below the project's folder.
const DOCUMENT: &str = "docs/kernels.md";

/// Run the sensor on Debian's kernels, each in a virtual machine of its own.
#[derive(clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line, and none excludes another"
)]
pub(crate) struct Arguments {
    /// Which kernels; may be given several times
    #[arg(long = "kernel", value_enum, value_name = "VERSION", default_value = "all")]
    kernels: Vec<Choice>,
    /// Do this check alone; may be given several times
    #[arg(long = "check", value_name = "NAME", conflicts_with = "write")]
    checks: Vec<String>,
    /// Fetch the newest packages of these kernels, even where older ones are here
    #[arg(long)]
    update: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the table into the documentation and the README; takes all kernels
    #[arg(long)]
    write: bool,
    /// Run the systemd unit instead, in a Debian of its own with Linux 6.1; takes root
    #[arg(long, conflicts_with_all = ["kernels", "write"])]
    systemd: bool,
    /// Seconds that each machine may take
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE)]
    patience: u64,
    /// Install what is missing without asking
    #[arg(long, short)]
    yes: bool,
}

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    /// The oldest that the sensor supports, of Debian 11
    #[value(name = "5.10")]
    V5_10,
    /// Of Debian 12
    #[value(name = "6.1")]
    V6_1,
    /// Of Debian 13
    #[value(name = "6.12")]
    V6_12,
    /// The newest that Debian has packed for Debian 13
    Newest,
    /// All of these
    All,
}

impl Choice {
    const fn kernels(self) -> &'static [Kernel] {
        match self {
            Self::V5_10 => &[Kernel::V5_10],
            Self::V6_1 => &[Kernel::V6_1],
            Self::V6_12 => &[Kernel::V6_12],
            Self::Newest => &[Kernel::Newest],
            Self::All => &Kernel::ALL,
        }
    }
}

/// Runs the machines, prints the table, and says whether nothing failed.
///
/// # Errors
/// When a kernel cannot be fetched, or something does not compile. What fails in a machine is in the table.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    if arguments.systemd {
        setup::ensure(Need::Vm, arguments.yes)?;
        return under_systemd(arguments);
    }
    let asked: Vec<Kernel> = arguments
        .kernels
        .iter()
        .flat_map(|choice| choice.kernels())
        .copied()
        .collect();
    let kernels: Vec<Kernel> = Kernel::ALL
        .into_iter()
        .filter(|kernel| asked.contains(kernel))
        .collect();
    if arguments.write {
        ensure!(
            kernels == Kernel::ALL,
            "`--write` takes all kernels, or the table would lose the others"
        );
    }
    setup::ensure(Need::Vm, arguments.yes)?;
    let limits = Limits {
        patience: Duration::from_secs(arguments.patience),
        checks: &arguments.checks,
    };
    let report = matrix(fetch(&kernels, arguments.update)?, &limits)?;
    if arguments.json {
        println!("{:#}", report.to_json());
    } else {
        println!("{report}");
    }
    if arguments.write {
        let path = project::root().join(DOCUMENT);
        let page = report.to_markdown();
        fs::write(&path, &page).with_context(|| format!("{} cannot be written", path.display()))?;
        eprintln!("   {}", path.display());
        eprintln!("   {}", readme::write(&page)?.display());
    }
    Ok(report.holds())
}

/// Runs the machines that are tests, the oldest kernel's and Debian 12's: each check there counts as one. Where machines
/// or kernels cannot be had, each kernel is a skipped test that says why.
///
/// # Errors
/// When something does not compile. What fails in a machine is in the totals.
pub(crate) fn test(yes: bool) -> Result<Totals> {
    let fetched = setup::ensure(Need::Vm, yes).and_then(|_| fetch(&TESTED, false));
    match fetched {
        Ok(kernels) => {
            let limits = Limits {
                patience: Duration::from_secs(PATIENCE),
                checks: &[],
            };
            Ok(matrix(kernels, &limits)?.totals())
        }
        Err(error) => Ok(unavailable(&error)),
    }
}

fn unavailable(error: &anyhow::Error) -> Totals {
    skipped(&format!("cannot be had: {error:#}").replace('\n', " "))
}

/// A skipped test for each kernel that [`fn@test`] would run.
pub(crate) fn skipped(reason: &str) -> Totals {
    let mut totals = Totals::default();
    for kernel in TESTED {
        totals.skip(format!("Linux {kernel}"), reason.to_owned());
    }
    totals
}

/// Debian, as its systemd starts it: the unit's own checks and nothing else.
const SYSTEMD_UNIT: &str = "systemd.unit=teiten-guest.service systemd.mask=serial-getty@ttyS0.service";
/// A whole system takes longer to start.
const SYSTEMD_PATIENCE: u64 = 1200;

/// Runs the systemd unit in a machine, and says whether nothing failed.
fn under_systemd(arguments: &Arguments) -> Result<bool> {
    let kernel = Kernel::V6_1;
    let unpacked = kernel.fetch(arguments.update)?;
    let programs = build_programs(false)?;
    let initramfs = debian::build(&kernel.folder(), &unpacked, &programs)?;
    let machine = Machine {
        image: &unpacked.image,
        initramfs: &initramfs,
        folder: &kernel.folder(),
        checks: &arguments.checks,
        told: SYSTEMD_UNIT,
    };
    progress::step("a Debian starts");
    let patience = Duration::from_secs(arguments.patience.max(SYSTEMD_PATIENCE));
    let run = machine.run(patience, |_| {})?;
    let mut report = Report::default();
    report.add(kernel, run);
    if arguments.json {
        println!("{:#}", report.to_json());
    } else {
        println!("{report}");
    }
    Ok(report.holds())
}

/// How far the machines go.
struct Limits<'a> {
    patience: Duration,
    /// The only checks; none for all.
    checks: &'a [String],
}

/// Fetches kernels that are not here yet, and with `update` newer ones.
fn fetch(kernels: &[Kernel], update: bool) -> Result<Vec<(Kernel, Unpacked)>> {
    if !cfg!(target_arch = "x86_64") {
        bail!("the virtual machines are x86-64 ones and run programs of this machine: use an x86-64 machine");
    }
    kernels
        .iter()
        .map(|kernel| Ok((*kernel, kernel.fetch(update)?)))
        .collect()
}

/// Builds what runs in the machines, and runs them one after the other.
fn matrix(kernels: Vec<(Kernel, Unpacked)>, limits: &Limits<'_>) -> Result<Report> {
    let programs = build_programs(true)?;
    let mut report = Report::default();
    for (kernel, unpacked) in kernels {
        progress::step(&format!("Linux {kernel}: {}", unpacked.image.display()));
        let initramfs = initramfs::build(&kernel.folder(), &unpacked, &programs)?;
        let begun = Instant::now();
        let machine = Machine {
            image: &unpacked.image,
            initramfs: &initramfs,
            folder: &kernel.folder(),
            checks: limits.checks,
            told: "",
        };
        let run = machine.run(limits.patience, |check| {
            let sign = match check.outcome {
                Outcome::Passed => "ok    ",
                Outcome::Absent => "absent",
                Outcome::Failed => "FAILED",
            };
            eprintln!(
                "   {sign} {}: {} ({:.0} s)",
                check.title, check.summary, check.seconds
            );
        })?;
        if let Some(problem) = &run.problem {
            eprintln!(
                "   {problem}; its last words are in {}",
                machine.console().display()
            );
        }
        eprintln!("   {:.0} s", begun.elapsed().as_secs_f64());
        report.add(kernel, run);
    }
    Ok(report)
}

/// What the machines run: the guest program, the daemon, the XDP programs, and where it is asked for the test program `kernel`.
fn build_programs(with_kernel_tests: bool) -> Result<Programs> {
    let objects = [
        ("sensor", &[] as &[&str]),
        ("generator", &[]),
        ("sensor", &["fault-no-flag"]),
    ]
    .into_iter()
    .map(|(program, features)| build::build_object(program, features))
    .collect::<Result<Vec<PathBuf>>>()?;
    progress::step("building what the machines run");
    let mut cargo = command::cargo();
    // Of the whole workspace and in one go, or what the tests have just compiled would be compiled anew with other
    // features.
    cargo.args(["build", "--workspace", "--bin", "teiten", "--bin", "guest"]);
    let mut names = vec!["guest", "teiten"];
    if with_kernel_tests {
        cargo.args(["--test", "kernel"]);
        names.push("kernel");
    }
    let compiled = artifacts::compile(&mut cargo)?;
    let executables = names
        .into_iter()
        .map(|name| {
            let artifact = compiled.iter().find(|artifact| artifact.name == name);
            let artifact = artifact.with_context(|| format!("cargo made no program {name}"))?;
            Ok((name, artifact.executable.clone()))
        })
        .collect::<Result<_>>()?;
    Ok(Programs { executables, objects })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_cannot_be_had_is_a_skipped_test_and_says_why() {
        let error = anyhow::anyhow!("as root, run:\n  apt-get update").context("no qemu");
        let totals = unavailable(&error);
        assert_eq!((totals.passed, totals.failed, totals.skipped), (0, 0, 2));
        let skipped: Vec<_> = totals
            .reasons
            .iter()
            .map(|skipped| skipped.name.as_str())
            .collect();
        assert_eq!(skipped, ["Linux 5.10", "Linux 6.1"]);
        for skipped in totals.reasons {
            assert!(skipped.reason.contains("no qemu") && !skipped.reason.contains('\n'));
        }
    }
}
