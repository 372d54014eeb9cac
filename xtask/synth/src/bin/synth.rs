//! `synth`: writes records that never were, and `truth.json` beside them.

use std::{fs, io::Write as _, process::ExitCode, time::Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sensor_synth::{Calendar, Fleet, Options, Plan, Truth};

/// Make records of two quarters with planted events, and the truth about them.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if !options.scale.is_finite() || !(0.0001..=100.0).contains(&options.scale) {
        bail!(
            "a scale of {} cannot be drawn: write one from 0.0001 to 100",
            options.scale
        );
    }
    if fs::read_dir(&options.out).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!(
            "{} is not empty, and records are never written over: give another directory",
            options.out.display()
        );
    }
    let calendar = Calendar::of(&options.quarter, options.history).map_err(anyhow::Error::msg)?;
    let plan = Plan {
        seed: options.seed,
        scale: options.scale,
        fleet: if options.small {
            Fleet::small()
        } else {
            Fleet::full()
        },
        calendar,
        with_events: !options.quiet,
        hourly_coverage: true,
    };
    let bar = progress(&plan);
    let start = Instant::now();
    let truth = sensor_synth::write(&options.out, &plan, &|| bar.inc(1))?;
    bar.finish_and_clear();
    let path = options.out.join("truth.json");
    let text = serde_json::to_string_pretty(&truth).context("the truth cannot be written")?;
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    report(&truth, start.elapsed().as_secs_f64()).context("the result cannot be shown")
}

fn progress(plan: &Plan) -> ProgressBar {
    let bar = ProgressBar::new(plan.days() * plan.fleet.sensors.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} days of sensors, {eta} to go") {
        bar.set_style(style);
    }
    bar
}

/// Bytes a row and a sensor's day, by table.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report(truth: &Truth, seconds: f64) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<14}{:>9}{:>13}{:>15}{:>13}{:>19}",
        "table", "files", "rows", "bytes", "bytes a row", "bytes a sensor-day"
    )?;
    for (table, volume) in &truth.volumes {
        writeln!(
            out,
            "{table:<14}{:>9}{:>13}{:>15}{:>13.1}{:>19.0}",
            volume.files,
            volume.rows,
            volume.bytes,
            volume.bytes as f64 / volume.rows.max(1) as f64,
            volume.bytes as f64 / volume.sensor_days.max(1) as f64,
        )?;
    }
    writeln!(out, "written in {seconds:.1} s")
}
