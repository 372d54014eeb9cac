//! The tables that stand beside a report as CSV: every number that it shows.

mod coverage;
mod explanations;
mod mirai;
mod ranking;
mod research;
mod sensors;
mod surges;

use std::fmt::Display;

use super::{Change, Measure, Options, Overview, PreviousRank, Provenance, Report, SensorChoice, Series};

/// A table of text, ready to be written as CSV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The file's name without its ending.
    pub name: String,
    /// The columns' names.
    pub header: Vec<String>,
    /// As many fields each as there are columns; numbers with all their digits, absent ones empty.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    fn new(name: impl Into<String>, header: &[&str]) -> Self {
        Self {
            name: name.into(),
            header: header.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    fn push(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.header.len(), "{}", self.name);
        self.rows.push(row);
    }

    /// The table as RFC 4180 has it, with the line ends of Unix.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.header).chain(&self.rows) {
            let fields: Vec<_> = row.iter().map(|field| quoted(field)).collect();
            text.push_str(&fields.join(","));
            text.push('\n');
        }
        text
    }
}

/// A field, in quotes when it needs them. A name that a spreadsheet would take for a formula gets an apostrophe.
fn quoted(field: &str) -> String {
    let number = field.parse::<f64>().is_ok();
    let guarded = if !number && field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

impl Report {
    /// Every table of the report: each number that it shows is in one of them.
    #[must_use]
    pub fn tables(&self) -> Vec<Table> {
        let mut tables = vec![options(&self.options), overview(&self.overview)];
        tables.push(series("overview_daily", &self.overview.daily));
        tables.extend(ranking::ranking("ports", &self.ports));
        tables.extend(ranking::ranking("source_regions", &self.source_regions));
        tables.push(explanations::explanations(&self.explanations));
        tables.extend(self.watched.iter().flat_map(ranking::watched));
        tables.extend(mirai::mirai(&self.mirai));
        tables.extend(self.research.iter().flat_map(research::research));
        tables.push(sensors::sensors(&self.sensors));
        for (name, side) in [
            ("domestic_sensors", &self.domestic),
            ("overseas_sensors", &self.overseas),
        ] {
            tables.extend(side.iter().flat_map(|side| sensors::one_side(name, side)));
        }
        tables.extend(surges::surges(&self.surges));
        tables.extend(coverage::coverage(&self.coverage));
        tables.push(provenance(&self.provenance));
        tables
    }
}

fn or_empty(value: Option<impl Display>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn change<T: Display + Copy>(change: Change<T>) -> [String; 2] {
    [change.before.to_string(), change.after.to_string()]
}

fn estimates(change: Change<Option<f64>>) -> [String; 2] {
    [or_empty(change.before), or_empty(change.after)]
}

fn previous(rank: PreviousRank) -> String {
    match rank {
        PreviousRank::Rank(rank) => rank.to_string(),
        PreviousRank::New => "new".to_owned(),
        PreviousRank::NoData => String::new(),
    }
}

/// The columns of a table of single figures.
const FIGURES: [&str; 4] = ["figure", "before", "after", "relative_change"];

/// A figure that has no other one to be compared with.
fn alone(name: &str, value: impl Display) -> Vec<String> {
    figure(name, [String::new(), value.to_string()], None)
}

fn figure(name: &str, [before, after]: [String; 2], relative: Option<f64>) -> Vec<String> {
    vec![name.to_owned(), before, after, or_empty(relative)]
}

fn options(options: &Options) -> Table {
    let mut table = Table::new("options", &["option", "value"]);
    let measure = match options.measure {
        Measure::Sensor => "sensor",
        Measure::Address => "address",
        Measure::Total => "total",
        Measure::Median => "median",
    };
    let sensors = match options.sensors {
        SensorChoice::Domestic => "domestic",
        SensorChoice::Overseas => "overseas",
        SensorChoice::All => "all",
    };
    for (name, value) in [
        ("measure", measure.to_owned()),
        ("sensors", sensors.to_owned()),
        ("domestic", options.domestic_region.to_string()),
        ("timezone", options.timezone.clone()),
        ("top", options.top.to_string()),
        ("outside_after", options.outside_after.to_string()),
        ("few_sources", options.few_sources.to_string()),
    ] {
        table.push(vec![name.to_owned(), value]);
    }
    table
}

fn overview(overview: &Overview) -> Table {
    let mut table = Table::new("overview", &FIGURES);
    table.push(alone("sensors", overview.sensors));
    table.push(alone("watched_addresses", overview.watched_addresses));
    table.push(alone("days_observed", overview.days));
    table.push(figure(
        "packets",
        change(overview.packets),
        overview.packets.relative(),
    ));
    table.push(figure("scans", change(overview.scans), overview.scans.relative()));
    table.push(figure("rate", change(overview.rate), overview.rate.relative()));
    let sources = overview.sources;
    table.push(figure("sources", estimates(sources), sources.relative()));
    table
}

/// A line a point, a column a line of the figure.
fn series<K: Display>(name: &str, series: &Series<K>) -> Table {
    let mut table = Table::new(name, &["from"]);
    table
        .header
        .extend(series.lines.iter().map(|line| line.key.to_string()));
    for (index, date) in series.at.iter().enumerate() {
        let mut row = vec![date.to_string()];
        for line in &series.lines {
            row.push(or_empty(line.values.get(index).copied().flatten()));
        }
        table.push(row);
    }
    table
}

fn provenance(provenance: &Provenance) -> Table {
    let mut table = Table::new("provenance", &["what", "value"]);
    for (what, version) in &provenance.versions {
        table.push(vec![what.clone(), version.clone()]);
    }
    for database in &provenance.region_databases {
        table.push(vec![
            format!("region database from {}", database.from),
            database.name.clone(),
        ]);
    }
    for program in &provenance.programs {
        table.push(vec!["program".to_owned(), program.clone()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_when_it_must_be_and_no_name_becomes_a_formula() {
        let mut table = Table::new("it", &["a", "b"]);
        table.push(vec!["x,y".to_owned(), "say \"hello\"".to_owned()]);
        table.push(vec!["-0.5".to_owned(), "=1+1".to_owned()]);
        assert_eq!(table.to_csv(), "a,b\n\"x,y\",\"say \"\"hello\"\"\"\n-0.5,'=1+1\n");
    }
}
