//! What an operator looks at: `teiten top` driven by keys in a real terminal, and the page in a real browser.
//!
//! The sensor is a small service in this program with known totals, so that every figure on the screen is known too.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

mod browser;
mod screens;
mod sensor;
mod terminal;
mod text;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Name, test, the program that it needs.
type Test = (&'static str, fn(), Option<&'static str>);

fn main() -> ExitCode {
    let tests = [
        &text::TESTS[..],
        &terminal::TESTS[..],
        &screens::TESTS[..],
        &browser::TESTS[..],
    ]
    .concat();
    let trials = tests
        .into_iter()
        .map(|(name, test, program)| trial(name, test, program))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &'static str, test: fn(), program: Option<&'static str>) -> Trial {
    Trial::ignorable_test(name, move || match program {
        Some(program) if !is_installed(program) => {
            let reason = format!("{program} is missing: apt-get install {program}");
            println!("skipped: {reason}");
            Ok::<_, Failed>(Completion::ignored_with(reason))
        }
        _ => {
            test();
            Ok(Completion::Completed)
        }
    })
}

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
