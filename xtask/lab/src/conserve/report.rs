//! The outcome of a trial as people and programs read it.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Sample, Terms};

/// What a trial came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The profile's name.
    pub profile: &'static str,
    /// The mode that the daemon took.
    pub mode: String,
    /// Frames by the CPU that generated them.
    pub frames_by_cpu: Vec<u64>,
    /// From the first frame to the last.
    pub seconds: f64,
    /// Every term of the law, at rest.
    pub terms: Terms,
    /// The daemon's memory meanwhile, if it was asked for.
    pub memory: Vec<Sample>,
    /// What the daemon's `/readyz` said at the end.
    pub readiness: String,
}

impl Report {
    /// Whether the law holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.terms.difference() == 0
    }

    /// One object: every term, every difference, and `difference`, the worst of them.
    ///
    /// # Errors
    /// None that is known: numbers and texts always have a form in JSON.
    pub fn to_json(&self) -> serde_json::Result<Value> {
        let mut object = match serde_json::to_value(self)? {
            Value::Object(object) => object,
            other => return Ok(other),
        };
        if let Some(Value::Object(terms)) = object.remove("terms") {
            object.extend(terms);
        }
        let differences: Map<String, Value> = self
            .terms
            .differences()
            .into_iter()
            .map(|difference| (difference.key.to_owned(), json!(difference.value)))
            .collect();
        object.insert("differences".to_owned(), Value::Object(differences));
        object.insert("difference".to_owned(), json!(self.terms.difference()));
        Ok(Value::Object(object))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = &self.terms;
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown with two decimals")]
        let rate = terms.generated as f64 / self.seconds / 1e6;
        writeln!(
            f,
            "{} frames, profile {}, {} mode, in {:.2} s: {rate:.2} million a second",
            terms.generated, self.profile, self.mode, self.seconds
        )?;
        for (cpu, frames) in self.frames_by_cpu.iter().enumerate() {
            writeln!(f, "  of CPU {cpu:<27} {frames:>14}")?;
        }
        let rows = [
            ("frames generated", terms.generated.to_string()),
            ("arrived at the sensor's end", terms.arrived.to_string()),
            ("seen, by interface", terms.seen.to_string()),
            ("Σ outcomes", terms.outcomes.to_string()),
            ("observed", terms.observed.to_string()),
            ("Σ ports + ICMP + others", terms.observed_by_kind.to_string()),
            ("Σ ports, row by row", terms.ports.to_string()),
            ("Mirai generated", terms.mirai_generated.to_string()),
            ("Mirai counted", terms.mirai_counted.to_string()),
            ("drained from the ring", terms.drained.to_string()),
            ("taken into derived totals", terms.derived.to_string()),
            ("resident in the caches", terms.resident.to_string()),
            ("lost: ring full", terms.lost_ring.to_string()),
            ("lost: queue full", terms.lost_queue.to_string()),
            ("lost: a daemon died", terms.lost_crash.to_string()),
            ("records drained", terms.records.to_string()),
            ("records lost", terms.records_lost.to_string()),
        ];
        for (name, value) in rows {
            writeln!(f, "  {name:<34} {value:>14}")?;
        }
        writeln!(f, "differences")?;
        for difference in terms.differences() {
            writeln!(f, "  {:<50} {:>14}", difference.name, difference.value)?;
        }
        writeln!(f, "the daemon says: {}", self.readiness)?;
        self.write_memory(f)?;
        write!(f, "difference {}", terms.difference())
    }
}

impl Report {
    fn write_memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(first), Some(most)) = (
            self.memory.first(),
            self.memory.iter().map(|sample| sample.memory.rss_bytes).max(),
        ) else {
            return Ok(());
        };
        writeln!(f, "memory of the daemon: seconds, frames, resident MiB, maps MiB")?;
        for sample in &self.memory {
            writeln!(
                f,
                "  {:>8.2} {:>14} {:>10} {:>10}  {}",
                sample.seconds,
                sample.frames,
                mebibytes(sample.memory.rss_bytes),
                mebibytes(sample.memory.map_bytes),
                bar(sample.memory.rss_bytes, most)
            )?;
        }
        writeln!(
            f,
            "  from {} to at most {} MiB",
            mebibytes(first.memory.rss_bytes),
            mebibytes(most)
        )
    }
}

/// With one decimal, rounded down.
fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10) >> 20;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn bar(value: u64, most: u64) -> String {
    let length = value * 40 / most.max(1);
    (0..length).map(|_| '▇').collect()
}
