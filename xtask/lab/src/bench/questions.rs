//! How long questions over a quarter of many sensors take: `teiten-report sql` beside DuckDB, on the same files.

use std::{
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Spread, measured::Belief};

const DUCKDB: &str = include_str!("../../peers/duckdb.py");

/// Names of questions, and the questions: both engines are asked in these words.
const QUESTIONS: [(&str, &str); 5] = [
    (
        "first ten ports of the quarter",
        "SELECT transport, port, CAST(sum(packets) AS BIGINT) AS packets FROM daily_cells \
         WHERE class = 'scan' AND date BETWEEN DATE '2022-10-01' AND DATE '2022-12-31' \
         GROUP BY transport, port ORDER BY packets DESC, transport, port LIMIT 10",
    ),
    (
        "regions, two quarters",
        "SELECT source_region, CAST(sum(CASE WHEN date >= DATE '2022-10-01' THEN packets ELSE 0 END) AS BIGINT) AS later, \
         CAST(sum(packets) AS BIGINT) AS packets FROM daily_cells \
         WHERE class = 'scan' AND date BETWEEN DATE '2022-07-01' AND DATE '2022-12-31' \
         GROUP BY source_region ORDER BY packets DESC, source_region",
    ),
    (
        "ports by region and hour, all hours",
        "SELECT hour, transport, port, source_region, CAST(sum(packets) AS BIGINT) AS packets FROM cells \
         WHERE class = 'scan' AND date BETWEEN DATE '2022-10-01' AND DATE '2022-12-31' \
         GROUP BY hour, transport, port, source_region \
         ORDER BY packets DESC, hour, transport, port, source_region LIMIT 100",
    ),
    (
        "Mirai from Japan by day, all hours",
        "SELECT date, CAST(sum(packets) AS BIGINT) AS packets FROM cells \
         WHERE source_region = 'JP' AND (tools & 1) = 1 AND date BETWEEN DATE '2022-10-01' AND DATE '2022-12-31' \
         GROUP BY date ORDER BY date",
    ),
    (
        "what was observed, by sensor",
        "SELECT sensor, CAST(sum(observed) AS BIGINT) AS observed FROM coverage \
         WHERE date BETWEEN DATE '2022-10-01' AND DATE '2022-12-31' GROUP BY sensor ORDER BY sensor",
    ),
];

/// What is measured.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Times that everything is asked.
    pub rounds: usize,
    /// The records.
    pub directory: PathBuf,
    /// The program that reports, with SQL compiled in.
    pub program: PathBuf,
    /// A Python that has DuckDB, if there is one.
    pub python: Option<PathBuf>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct ReportTimes {
    /// Parquet files, and their octets.
    pub files: u64,
    /// See [`Self::files`].
    pub octets: u64,
    /// By question.
    pub questions: Vec<QuestionTimes>,
    /// DuckDB's version, if it was asked.
    pub duckdb_version: Option<String>,
    /// Ours, all questions together, as a multiple of DuckDB's.
    pub times_duckdb: Option<f64>,
    /// The whole report of the quarter: `teiten-report quarter`, in seconds.
    pub quarter_seconds: Spread,
    /// What others took of the machine meanwhile.
    #[serde(flatten)]
    pub belief: Belief,
}

/// One question. Times in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct QuestionTimes {
    /// Its name.
    pub name: &'static str,
    /// `teiten-report sql`, from the start of the process to its end.
    pub ours: Spread,
    /// DuckDB, without the start of Python.
    pub duckdb: Option<Spread>,
}

#[derive(Deserialize)]
struct OfDuckdb {
    version: String,
    answers: Vec<AnswerOfDuckdb>,
}

#[derive(Deserialize)]
struct AnswerOfDuckdb {
    seconds: Vec<f64>,
    last_column: Vec<Value>,
}

/// Measures, and holds the answers of the two against each other.
///
/// # Errors
/// An engine fails, or they answer differently.
pub fn measure_report(options: &ReportOptions) -> Result<ReportTimes> {
    let (files, octets) = warm(&options.directory)?;
    ensure!(
        files > 0,
        "there are no records in {}",
        options.directory.display()
    );
    let ((ours, duckdb, quarters), belief) = Belief::during(|| {
        let mut ours = Vec::new();
        for (_, question) in QUESTIONS {
            ours.push(ask_ourselves(options, question)?);
        }
        let duckdb = options
            .python
            .as_deref()
            .map(|python| ask_duckdb(options, python))
            .transpose()?;
        let quarters = (0..options.rounds)
            .map(|_| quarter(options))
            .collect::<Result<Vec<f64>>>()?;
        Ok((ours, duckdb, quarters))
    })?;
    let mut questions = Vec::new();
    for (place, ((name, _), (times, column))) in QUESTIONS.into_iter().zip(&ours).enumerate() {
        let theirs = duckdb.as_ref().and_then(|duckdb| duckdb.answers.get(place));
        if let Some(theirs) = theirs {
            let same = *column == theirs.last_column;
            ensure!(same, "{name}: DuckDB's answer is another");
        }
        questions.push(QuestionTimes {
            name,
            ours: Spread::of(times),
            duckdb: theirs.map(|theirs| Spread::of(&theirs.seconds)),
        });
    }
    let sum = |of: fn(&QuestionTimes) -> Option<f64>| questions.iter().map(of).sum::<Option<f64>>();
    let ours = sum(|question| Some(question.ours.median));
    let theirs = sum(|question| question.duckdb.map(|spread| spread.median));
    Ok(ReportTimes {
        files,
        octets,
        duckdb_version: duckdb.map(|duckdb| duckdb.version),
        times_duckdb: ours.zip(theirs).map(|(ours, theirs)| ours / theirs),
        questions,
        quarter_seconds: Spread::of(&quarters),
        belief,
    })
}

/// Reads every file once, so that none comes from the disk later. How many there are, and their octets.
fn warm(directory: &Path) -> Result<(u64, u64)> {
    let (mut files, mut octets) = (0, 0);
    let entries =
        std::fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            let below = warm(&path)?;
            files += below.0;
            octets += below.1;
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            octets += std::io::copy(&mut std::fs::File::open(&path)?, &mut std::io::sink())?;
            files += 1;
        }
    }
    Ok((files, octets))
}

/// The seconds of each round, and the last column of the answer.
fn ask_ourselves(options: &ReportOptions, question: &str) -> Result<(Vec<f64>, Vec<Value>)> {
    let mut seconds = Vec::new();
    let mut column = Vec::new();
    for _ in 0..options.rounds {
        let begun = Instant::now();
        let output = Command::new(&options.program)
            .args(["sql", question, "--format", "json", "--data"])
            .arg(&options.directory)
            .output()
            .with_context(|| format!("{} cannot be started", options.program.display()))?;
        seconds.push(begun.elapsed().as_secs_f64());
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "teiten-report failed: {}", said.trim());
        column = last_column(&output.stdout)?;
    }
    Ok((seconds, column))
}

/// Of rows as JSON objects: what is behind the name of the last column, which every question calls `packets` or
/// `observed`.
fn last_column(rows: &[u8]) -> Result<Vec<Value>> {
    let rows: Vec<Value> = serde_json::from_slice(rows).context("teiten-report printed no JSON")?;
    let value = |row: &Value| row.get("packets").or_else(|| row.get("observed")).cloned();
    rows.iter()
        .map(|row| value(row).context("a row has neither packets nor observed"))
        .collect()
}

fn ask_duckdb(options: &ReportOptions, python: &Path) -> Result<OfDuckdb> {
    let task = json!({
        "directory": std::path::absolute(&options.directory)?,
        "rounds": options.rounds,
        "questions": QUESTIONS.map(|(_, question)| question),
    });
    let mut child = Command::new(python)
        .args(["-c", DUCKDB])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be started", python.display()))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(task.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "DuckDB failed: {}", said.trim());
    serde_json::from_slice(&output.stdout).context("DuckDB's program printed no JSON")
}

fn quarter(options: &ReportOptions) -> Result<f64> {
    let folder = TempDir::new()?;
    let begun = Instant::now();
    let output = Command::new(&options.program)
        .args(["quarter", "2022Q4", "--data"])
        .arg(&options.directory)
        .arg("--out")
        .arg(folder.path().join("report"))
        .output()?;
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "teiten-report failed: {}", said.trim());
    Ok(seconds)
}

impl fmt::Display for ReportTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} files, {} MiB; seconds: median [least–greatest]",
            self.files,
            self.octets >> 20
        )?;
        let version = self.duckdb_version.as_deref().unwrap_or("not installed");
        writeln!(
            f,
            "{:<38} {:>22} {:>22}",
            "",
            "teiten-report sql",
            format!("DuckDB {version}")
        )?;
        for question in &self.questions {
            let theirs = question
                .duckdb
                .map_or_else(String::new, |spread| format!("{spread:.3}"));
            writeln!(f, "{:<38} {:>22.3} {theirs:>22}", question.name, question.ours)?;
        }
        if let Some(times) = self.times_duckdb {
            writeln!(f, "all: {times:.2} times DuckDB's")?;
        }
        writeln!(
            f,
            "{:<38} {:>22.2}",
            "the whole report of the quarter", self.quarter_seconds
        )?;
        write!(f, "{}", self.belief)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_is_what_both_engines_are_compared_by() {
        let rows = br#"[{"port":23,"packets":5},{"port":22,"packets":4}]"#;
        assert_eq!(last_column(rows).unwrap(), [json!(5), json!(4)]);
        assert!(last_column(br#"[{"port":23}]"#).is_err());
        for (name, question) in QUESTIONS {
            let last = question.split(" FROM ").next().unwrap();
            assert!(
                last.ends_with("AS packets") || last.ends_with("AS observed"),
                "{name}"
            );
        }
    }
}
