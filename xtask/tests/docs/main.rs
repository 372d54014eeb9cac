//! Tests of the documentation: links that lead somewhere, and code blocks that run or say why not.

mod captures;
mod names;
mod page;

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use page::{Block, Page, anchor, pages, root};

/// The languages of blocks that are no commands. What they hold is shown or, where a test of its own reads it, checked.
const SHOWN: [&str; 10] = [
    "json",
    "promql",
    "sql clickhouse",
    "sql datafusion",
    "sql duckdb",
    "sql spark",
    "sql trino",
    "text",
    "toml",
    "yaml",
];

/// What stands behind the fence of lines of the source, before the file's name.
const EXCERPT: &str = "rust of ";
/// What stands behind the fence of a block that is run.
const RUN: &str = "sh run";
/// Why what needs the daemon is skipped.
const NOT_BUILT: &str = "the daemon is not built: `cargo xtask build`";

fn main() -> ExitCode {
    let pages = match pages() {
        Ok(pages) => pages,
        Err(error) => {
            eprintln!("the documentation cannot be read: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = vec![
        Trial::test("there_are_pages_links_and_blocks_to_check", {
            let pages = pages.clone();
            move || check(there_is_enough(&pages))
        }),
        Trial::test("a_fence_is_read_as_it_is_written", || check(fences_are_read())),
        Trial::test("a_command_is_found_where_it_is_shown", || {
            check(commands_are_found())
        }),
        Trial::test("an_anchor_is_made_as_readers_make_it", || {
            check(anchors_are_made())
        }),
        Trial::test("a_metric_that_nobody_exports_is_noticed", || {
            check(names::unknown_ones_are_noticed())
        }),
    ];
    for page in pages {
        let name = page.name.clone();
        let links = page.clone();
        trials.push(Trial::test(format!("links::{name}"), move || {
            check(links_lead_somewhere(&links))
        }));
        let metrics = page.clone();
        trials.push(Trial::test(format!("metrics::{name}"), move || {
            check(names::are_metrics(&metrics))
        }));
        let commands = page.clone();
        trials.push(Trial::ignorable_test(format!("commands::{name}"), move || {
            names_commands_that_exist(&commands)
        }));
        let fences = page.clone();
        trials.push(Trial::test(format!("blocks::{name}"), move || {
            check(every_block_has_a_kind(&fences))
        }));
        let run_blocks = page.blocks.into_iter().filter(|block| block.info == RUN);
        trials.extend(run_blocks.map(|block| {
            let name = format!("runs::{name}:{}", block.line);
            Trial::ignorable_test(name, move || run(&block))
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn check(result: Result<()>) -> Result<(), Failed> {
    result.map_err(|error| Failed::from(format!("{error:#}")))
}

/// A reader of pages that finds nothing would prove nothing.
fn there_is_enough(pages: &[Page]) -> Result<()> {
    let names: BTreeSet<_> = pages.iter().map(|page| page.name.as_str()).collect();
    for name in [
        "CHANGELOG.md",
        "README.md",
        "docs/contributing.md",
        "docs/definitions.md",
        "docs/design.md",
        "docs/metrics.md",
        "docs/operations.md",
        "docs/snapshot.md",
    ] {
        ensure!(names.contains(name), "{name} is missing");
    }
    let links: usize = pages.iter().map(|page| page.links().count()).sum();
    ensure!(links > 15, "only {links} links were found");
    let shell: Vec<_> = pages
        .iter()
        .flat_map(|page| &page.blocks)
        .filter(|block| block.is_shell())
        .collect();
    let run = shell.iter().filter(|block| block.info == RUN).count();
    ensure!(run >= 2, "of {} blocks of commands {run} are run", shell.len());
    println!(
        "of {} blocks of commands {run} are run, the others say why not",
        shell.len()
    );
    Ok(())
}

fn links_lead_somewhere(page: &Page) -> Result<()> {
    let folder = Path::new(&page.name).parent().unwrap_or(Path::new(""));
    for link in page.links() {
        let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() {
            PathBuf::from(&page.name)
        } else {
            folder.join(file)
        };
        let path = root().join(&target);
        ensure!(path.exists(), "{}: {link} leads nowhere", page.name);
        if !fragment.is_empty() {
            let linked = Page::parse(file, &fs::read_to_string(&path)?)?;
            ensure!(
                linked.anchors().contains(fragment),
                "{}: {link} has no such heading",
                page.name
            );
        }
    }
    Ok(())
}

/// A page may show `teiten WORD` only where the built program has that command.
fn names_commands_that_exist(page: &Page) -> Result<Completion, Failed> {
    let words = page.words_after("teiten");
    let programs = programs().map_err(|error| Failed::from(format!("{error:#}")))?;
    if !programs.join("teiten").is_file() {
        return Ok(Completion::ignored_with(NOT_BUILT));
    }
    check(all_are_commands(&programs, &words)).map(|()| Completion::Completed)
}

fn all_are_commands(programs: &Path, words: &BTreeSet<String>) -> Result<()> {
    let output = Command::new(programs.join("teiten")).arg("--help").output()?;
    let help = String::from_utf8_lossy(&output.stdout);
    let (_, commands) = help
        .split_once("Commands:\n")
        .context("the help names no commands")?;
    let commands: BTreeSet<_> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    ensure!(commands.contains("run"), "{commands:?}");
    for word in words {
        ensure!(commands.contains(word.as_str()), "there is no `teiten {word}`");
    }
    Ok(())
}

fn every_block_has_a_kind(page: &Page) -> Result<()> {
    for block in &page.blocks {
        let place = format!("{}:{}", page.name, block.line);
        if block.is_shell() {
            let reason = block.info.strip_prefix("sh norun:").map(str::trim);
            ensure!(
                block.info == RUN || reason.is_some_and(|reason| !reason.is_empty()),
                "{place}: write `sh run`, or `sh norun: ` with the reason, and not {:?}",
                block.info
            );
        } else if let Some(file) = block.info.strip_prefix(EXCERPT) {
            is_an_excerpt(block, file).context(place.clone())?;
        } else {
            ensure!(
                SHOWN.contains(&block.info.as_str()),
                "{place}: {:?} is no kind of block here: sh, rust of FILE, or one of {SHOWN:?}",
                block.info
            );
        }
        match block.info.as_str() {
            "json" => drop(serde_json::from_str::<serde_json::Value>(&block.text).with_context(|| place)?),
            "yaml" => drop(serde_saphyr::from_str::<serde_json::Value>(&block.text).with_context(|| place)?),
            _ => {}
        }
    }
    Ok(())
}

/// Lines of the source stand in it as the page shows them, but for how far they are indented.
fn is_an_excerpt(block: &Block, file: &str) -> Result<()> {
    let lines = |text: &str| -> String { text.lines().flat_map(|line| [line.trim(), "\n"]).collect() };
    let source = fs::read_to_string(root().join(file)).with_context(|| format!("{file} cannot be read"))?;
    ensure!(
        !block.text.trim().is_empty() && lines(&source).contains(&lines(&block.text)),
        "{file} has no such lines:\n{}",
        block.text
    );
    Ok(())
}

/// Runs a block in a folder that holds two captures and nothing else, with the built `teiten` in the path. A command that fails ends it.
fn run(block: &Block) -> Result<Completion, Failed> {
    let programs = programs().map_err(|error| Failed::from(format!("{error:#}")))?;
    if !programs.join("teiten").is_file() {
        return Ok(Completion::ignored_with(
            "the daemon is not built: `cargo xtask build`",
        ));
    }
    check(run_in(&programs, block)).map(|()| Completion::Completed)
}

fn run_in(programs: &Path, block: &Block) -> Result<()> {
    let folder = tempfile::tempdir()?;
    captures::lay(folder.path())?;
    let mut path = OsString::from(programs);
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &block.text])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .context("bash cannot be started")?;
    ensure!(
        output.status.success(),
        "{}\n{}{}",
        block.text,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// `target/PROFILE`: this program lies in its folder `deps`.
fn programs() -> Result<PathBuf> {
    let own = env::current_exe().context("the system does not say where this program lies")?;
    let profile = own
        .parent()
        .and_then(Path::parent)
        .context("this program lies nowhere")?;
    Ok(profile.to_owned())
}

fn fences_are_read() -> Result<()> {
    let text = "a [b](c.md)\n```sh run\necho [x](y.md)\n```\n[d](https://e)\n```text\nf\n```\n";
    let page = Page::parse("page.md", text)?;
    ensure!(page.links().collect::<Vec<_>>() == ["c.md"], "{:?}", page.prose);
    let infos: Vec<_> = page
        .blocks
        .iter()
        .map(|block| (block.line, block.info.as_str()))
        .collect();
    ensure!(infos == [(2, "sh run"), (6, "text")], "{infos:?}");
    ensure!(page.blocks[0].text == "echo [x](y.md)\n");
    ensure!(
        Page::parse("page.md", "```sh run\n").is_err(),
        "a block without an end"
    );
    for info in ["", "sh", "sh norun:", "sh norun: ", "bash", "sh runs"] {
        let page = Page::parse("page.md", &format!("```{info}\n```\n"))?;
        ensure!(every_block_has_a_kind(&page).is_err(), "{info:?} was taken");
    }
    for (lines, expected) in [
        ("    pub(crate) line: usize,\n", true),
        ("pub(crate) lines: usize,\n", false),
    ] {
        let page = Page::parse(
            "page.md",
            &format!("```rust of xtask/tests/docs/page.rs\n{lines}```\n"),
        )?;
        ensure!(every_block_has_a_kind(&page).is_ok() == expected, "{lines}");
    }
    let failing = Page::parse("page.md", "```sh run\nfalse\ntrue\n```\n")?;
    ensure!(
        run_in(&programs()?, &failing.blocks[0]).is_err(),
        "a failed command was not noticed"
    );
    Ok(())
}

fn commands_are_found() -> Result<()> {
    let text = "`teiten run` and `sudo ./target/release/teiten stop --now`, not teiten alone\n```sh run\n(! teiten x)\n```\n";
    let found = Page::parse("page.md", text)?.words_after("teiten");
    ensure!(found.iter().eq(["run", "stop"]), "{found:?}");
    Ok(())
}

fn anchors_are_made() -> Result<()> {
    for (heading, expected) in [
        ("What is in `other`", "what-is-in-other"),
        ("Watched, seen, observed", "watched-seen-observed"),
    ] {
        ensure!(anchor(heading) == expected, "{heading}: {}", anchor(heading));
    }
    Ok(())
}
