//! What we write, another implementation of Apache DataSketches reads: the package `datasketches` of Python, made of its
//! library in another language.
//!
//! With `--full` alone: the package is installed into a virtual environment of the test's own. Where that cannot be, the
//! test is reported as ignored, with the reason.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sensor_common::Address;
use sensor_sketch::{Distinct, OpenSet, SourceKey, SourceSet};

/// Empty, lists, tables of coupons, registers; for sets exact and sampled.
const SIZES: [u32; 9] = [0, 1, 7, 8, 100, 1_536, 3_000, 100_000, 1_000_000];

/// Reads every sketch, says its estimate, then that of all counts and of all sets together and of a difference, and last
/// that of a sketch of its own with the same hashes.
const SCRIPT: &str = r#"
import struct, sys
from datasketches import compact_theta_sketch, hll_sketch, hll_union, theta_a_not_b, theta_union, tgt_hll_type
folder, sizes = sys.argv[1], [int(size) for size in sys.argv[2:]]
read = lambda name: open(f"{folder}/{name}", "rb").read()
counts, sets = [], []
for size in sizes:
    counts.append(hll_sketch.deserialize(read(f"{size}.hll")))
    sets.append(compact_theta_sketch.deserialize(read(f"{size}.theta")))
    print(f"hll {size} {counts[-1].get_estimate()!r}")
    print(f"theta {size} {sets[-1].get_estimate()!r}")
union, all_sets = hll_union(14), theta_union(14)
for count, source_set in zip(counts, sets):
    union.update(count)
    all_sets.update(source_set)
print(f"hll union {union.get_estimate()!r}")
print(f"theta union {all_sets.get_result().get_estimate()!r}")
print(f"theta difference {theta_a_not_b().compute(sets[-1], sets[-2]).get_estimate()!r}")
own = hll_sketch(14, tgt_hll_type.HLL_8)
for (value,) in struct.iter_unpack("<q", read("hashes")):
    own.update(value)
print(f"hll own {own.get_estimate()!r}")
"#;

fn main() -> ExitCode {
    let trial = Trial::ignorable_test("another_implementation_reads_the_same_estimates", || {
        if std::env::var_os("TEITEN_TEST_FULL").is_none() {
            return Ok(skipped("a long test: run with --full".to_owned()));
        }
        let folder = tempfile::tempdir()?;
        match python_with_the_package(folder.path()) {
            Ok(python) => compare(&python, folder.path()).map(|()| Completion::Completed),
            Err(reason) => Ok(skipped(reason)),
        }
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn skipped(reason: String) -> Completion {
    println!("skipped: {reason}");
    Completion::ignored_with(reason)
}

/// The interpreter of a virtual environment with the package, or why there is none.
fn python_with_the_package(folder: &Path) -> Result<String, String> {
    let environment = folder.join("venv");
    let environment = environment.to_string_lossy();
    run("python3", &["-m", "venv", &environment])
        .map_err(|error| format!("no virtual environment ({error}): apt-get install python3-venv"))?;
    let python = format!("{environment}/bin/python");
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--only-binary=:all:",
        "datasketches==5.*",
    ];
    run(&python, &install).map_err(|error| format!("PyPI's datasketches cannot be installed: {error}"))?;
    Ok(python)
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn compare(python: &str, folder: &Path) -> Result<(), Failed> {
    let key = SourceKey::new(*b"another's reader");
    let (mut expected, mut counts, mut sets) = (Vec::new(), Vec::new(), Vec::new());
    for size in SIZES {
        let (mut count, mut set) = (Distinct::default(), OpenSet::default());
        for source in 0..size {
            let hash = key.hash(Address::v4(source));
            count.insert(hash.coupon());
            set.insert(hash);
        }
        let set = set.close();
        fs::write(folder.join(format!("{size}.hll")), count.to_bytes())?;
        fs::write(folder.join(format!("{size}.theta")), set.to_bytes())?;
        expected.push((format!("hll {size}"), count.estimate()));
        expected.push((format!("theta {size}"), set.estimate()));
        counts.push(count);
        sets.push(set);
    }
    expected.push(("hll union".to_owned(), Distinct::union(&counts).estimate()));
    expected.push(("theta union".to_owned(), SourceSet::union(&sets).estimate()));
    let difference = sets[SIZES.len() - 1].without(&sets[SIZES.len() - 2]);
    expected.push(("theta difference".to_owned(), difference.estimate()));
    // The same hashes in the same order make the same sketch there.
    let hashes = (0..100_000).flat_map(|source| key.hash(Address::v4(source)).0.to_le_bytes());
    fs::write(folder.join("hashes"), hashes.collect::<Vec<u8>>())?;
    expected.push(("hll own".to_owned(), counts[7].estimate()));

    let script = folder.join("read.py");
    fs::write(&script, SCRIPT)?;
    let sizes = SIZES.map(|size| size.to_string());
    let mut arguments = vec![script.to_str().unwrap(), folder.to_str().unwrap()];
    arguments.extend(sizes.iter().map(String::as_str));
    let answer = run(python, &arguments)?;
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{answer}");
    for (line, (name, ours)) in lines.iter().zip(&expected) {
        let theirs: f64 = line.strip_prefix(name.as_str()).unwrap().trim().parse()?;
        println!("{name}: {ours} here, {theirs} there");
        assert!(
            (ours - theirs).abs() <= 1e-9 * ours.max(1.0),
            "{name}: {ours} here, {theirs} there"
        );
    }
    Ok(())
}
