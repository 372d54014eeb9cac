//! `cargo xtask bench`: builds and gets everything that is measured, and measures it.

mod all;
mod prepare;

use std::{ffi::OsString, path::PathBuf};

use anyhow::{Result, bail};
use clap::ValueEnum;

/// Measure what everything costs, beside a bare drop and beside what people use today.
///
/// Each part takes options of its own behind its name: `cargo xtask bench live --help` lists them.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What is measured.
    #[arg(value_enum, default_value_t = Part::All)]
    part: Part,
    #[command(flatten)]
    how: How,
    /// With `all`: write docs/performance.md and its pictures anew.
    #[arg(long)]
    write: bool,
    /// With `--write`: from these results, and measure nothing.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// With `all`: leave this part out; may be given several times.
    #[arg(long, value_enum, value_name = "PART")]
    skip: Vec<Part>,
    /// Print help.
    #[arg(long, short)]
    help: bool,
    /// The part's own options.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<OsString>,
}

#[derive(clap::Args)]
struct How {
    /// Few rounds: only to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// From the daemon's start until it counts.
    Start,
    /// The XDP program alone, what the verifier went through, and what the maps take.
    Kernel,
    /// The whole sensor with live frames, beside a program that only drops, and beside nftables, tcpdump, pmacctd and
    /// xdp-bench.
    Live,
    /// The same with frames from two CPUs, without the peers.
    Scaling,
    /// Scrapes during a flood.
    Scrape,
    /// What the daemon keeps in memory under millions of sources.
    Memory,
    /// What a record costs behind the ring.
    Drain,
    /// What a look-up of a region costs.
    Region,
    /// Captures, beside tcpdump, tshark and capinfos.
    Replay,
    /// Questions over a quarter of 20 sensors, beside `DuckDB`, and the whole report.
    Report,
    /// The law of conservation at full rate.
    Conserve,
    /// All of these, into target/bench/results.json.
    All,
    /// Nothing: builds and gets what all of these need.
    Prepare,
}

impl Part {
    /// Those that measure, in the order in which they do.
    const MEASURED: [Self; 11] = [
        Self::Start,
        Self::Kernel,
        Self::Live,
        Self::Scaling,
        Self::Scrape,
        Self::Memory,
        Self::Drain,
        Self::Region,
        Self::Replay,
        Self::Report,
        Self::Conserve,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Kernel => "kernel",
            Self::Live => "live",
            Self::Scaling => "scaling",
            Self::Scrape => "scrape",
            Self::Memory => "memory",
            Self::Drain => "drain",
            Self::Region => "region",
            Self::Replay => "replay",
            Self::Report => "report",
            Self::Conserve => "conserve",
            Self::All => "all",
            Self::Prepare => "prepare",
        }
    }
}

/// Measures.
///
/// # Errors
/// When something does not compile, this user cannot become root, or it cannot be measured.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.help && matches!(arguments.part, Part::All | Part::Prepare) {
        print_help();
        return Ok(());
    }
    if let Some(results) = &arguments.from {
        return all::document(results, arguments.write);
    }
    match arguments.part {
        Part::All => all::run(arguments),
        Part::Prepare => all::prepare(),
        part => {
            let mut prepared = prepare::part(part, arguments.how.quick)?;
            for (given, flag) in [(arguments.how.json, "--json"), (arguments.help, "--help")] {
                if given {
                    prepared.arguments.push(flag.into());
                }
            }
            prepared.arguments.extend(arguments.options.iter().cloned());
            let status = prepared.command()?.status()?;
            if !status.success() {
                bail!("the benchmark failed ({status})");
            }
            Ok(())
        }
    }
}

/// Of what is no part: the parts have texts of their own.
fn print_help() {
    println!("Measure what everything costs, beside a bare drop and beside what people use today\n");
    println!(
        "Usage: cargo xtask bench [PART] [--quick] [--json] [--skip PART] [--write [--from FILE]] [OPTIONS]\n\nParts:"
    );
    for part in Part::value_variants() {
        let value = part.to_possible_value();
        let help = value.as_ref().and_then(clap::builder::PossibleValue::get_help);
        println!(
            "  {:<10}{}",
            part.name(),
            help.map_or_else(String::new, ToString::to_string)
        );
    }
    println!(
        "\nOptions:\n      --quick      Few rounds: only to see that everything works\n      --json       Print one JSON \
         object\n      --write      With `all`: write docs/performance.md and its pictures anew\n      --from FILE  With \
         `--write`: from these results, and measure nothing\n      --skip PART  With `all`: leave this part out\n\n`cargo xtask bench PART --help` lists a part's own options."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_called_what_it_is_called_on_the_command_line() {
        for part in Part::value_variants() {
            assert_eq!(part.to_possible_value().unwrap().get_name(), part.name());
        }
        let measured = Part::value_variants()
            .iter()
            .filter(|part| !matches!(part, Part::All | Part::Prepare));
        assert!(measured.eq(&Part::MEASURED));
    }
}
