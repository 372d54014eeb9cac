//! The tables that stand beside a report as CSV: every number that it shows.

use std::fmt::Display;

use super::{
    Cell, Change, Coverage, Explanation, Key, Measure, Mirai, Options, Overview, PreviousRank, Provenance,
    Ranked, Ranking, Report, SensorChoice, SensorSummary, Series, Share, Side, Span, Surge, WatchedService,
};

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
        tables.extend(ranking("ports", &self.ports));
        tables.extend(ranking("source_regions", &self.source_regions));
        tables.push(explanations(&self.explanations));
        tables.extend(self.watched.iter().flat_map(watched));
        tables.extend(mirai(&self.mirai));
        tables.push(sensors(&self.sensors));
        for (name, side) in [
            ("domestic_sensors", &self.domestic),
            ("overseas_sensors", &self.overseas),
        ] {
            tables.extend(side.iter().flat_map(|side| one_side(name, side)));
        }
        tables.extend(surges(&self.surges));
        tables.extend(coverage(&self.coverage));
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

const RANKED: [&str; 14] = [
    "key",
    "rank",
    "previous_rank",
    "rate",
    "comparable_rate_before",
    "comparable_rate_after",
    "relative_change",
    "packets_before",
    "packets_after",
    "first_ten_days",
    "last_ten_days",
    "ten_days_change",
    "sources_before",
    "sources_after",
];

fn ranked_row<K: Display>(ranked: &Ranked<K>) -> Vec<String> {
    let mut row = vec![
        ranked.key.to_string(),
        or_empty(ranked.rank),
        previous(ranked.previous_rank),
        ranked.rate.to_string(),
    ];
    row.extend(change(ranked.comparable));
    row.push(or_empty(ranked.comparable.relative()));
    row.extend(change(ranked.packets));
    let days = ranked.ten_days;
    row.push(or_empty(days.map(|days| days.first)));
    row.push(or_empty(days.map(|days| days.last)));
    row.push(or_empty(days.and_then(|days| days.relative())));
    row.extend(estimates(ranked.sources));
    row
}

fn ranked<'row, K: Display + 'row>(name: String, rows: impl IntoIterator<Item = &'row Ranked<K>>) -> Table {
    let mut table = Table::new(name, &RANKED);
    rows.into_iter().for_each(|row| table.push(ranked_row(row)));
    table
}

fn ranking<K: Display>(name: &str, ranking: &Ranking<K>) -> [Table; 4] {
    let mut distinct = Table::new(format!("{name}_distinct"), &["distinct"]);
    distinct.push(vec![ranking.distinct.to_string()]);
    [
        ranked(name.to_owned(), &ranking.rows),
        ranked(format!("{name}_left"), &ranking.left),
        series(&format!("{name}_daily"), &ranking.daily),
        distinct,
    ]
}

fn explanations(explanations: &[Explanation]) -> Table {
    let header = [
        "subject",
        "span",
        "rank",
        "previous_rank",
        "rate_before",
        "rate_after",
        "relative_change",
        "cause",
        "cause_of",
        "cause_rate_before",
        "cause_rate_after",
        "cause_relative_change",
        "share_of_change",
    ];
    let mut table = Table::new("explanations", &header);
    for explanation in explanations {
        let mut front = vec![
            match &explanation.subject {
                Key::Port(port) => port.to_string(),
                Key::SourceRegion(region) => region.to_string(),
            },
            match explanation.span {
                Span::Periods => "periods".to_owned(),
                Span::TenDays => "ten_days".to_owned(),
                Span::Month(month) => month.strftime("%Y-%m").to_string(),
            },
            or_empty(explanation.rank),
            previous(explanation.previous_rank),
        ];
        front.extend(change(explanation.rate));
        front.push(or_empty(explanation.rate.relative()));
        if explanation.causes.is_empty() {
            table.push([front.clone(), vec![String::new(); 6]].concat());
        }
        for cause in &explanation.causes {
            let [kind, of] = cell(&cause.cell);
            let [before, after] = change(cause.rate);
            table.push(
                [
                    front.clone(),
                    vec![
                        kind,
                        of,
                        before,
                        after,
                        or_empty(cause.rate.relative()),
                        cause.share.to_string(),
                    ],
                ]
                .concat(),
            );
        }
    }
    table
}

fn cell(cell: &Cell) -> [String; 2] {
    let (kind, of) = match cell {
        Cell::Port(port) => ("port", port.to_string()),
        Cell::SourceRegion(region) => ("source_region", region.to_string()),
        Cell::Tool(tool) => ("tool", tool.clone()),
        Cell::Network(network) => ("network", network.clone()),
        Cell::FewSources { sources, from, to } => ("few_sources", format!("{sources} from {from} to {to}")),
        Cell::Sensors { added, removed } => (
            "sensors",
            format!("added {}; removed {}", added.join(" "), removed.join(" ")),
        ),
        Cell::Reclassified { from, to, at } => ("reclassified", format!("{from} to {to} at {at}")),
    };
    [kind.to_owned(), of]
}

fn watched(service: &WatchedService) -> Vec<Table> {
    let name = service.table_name();
    let mut tables = vec![
        ranked(name.clone(), [&service.standing]),
        ranked(format!("{name}_domestic"), [&service.domestic]),
        series(&format!("{name}_days"), &service.daily),
        series(&format!("{name}_months"), &service.months),
        months(&name, service),
        series(&format!("{name}_sources"), &service.sources),
    ];
    tables.extend(ranking(
        &format!("{name}_source_regions"),
        &service.source_regions,
    ));
    tables
}

/// How many months the long figure has.
fn months(name: &str, service: &WatchedService) -> Table {
    let mut table = Table::new(format!("{name}_months_held"), &["months"]);
    table.push(vec![service.months.at.len().to_string()]);
    table
}

fn mirai(mirai: &Mirai) -> Vec<Table> {
    let mut totals = Table::new("mirai", &FIGURES);
    let mut counted =
        |name: &str, count: Change<u64>| totals.push(figure(name, change(count), count.relative()));
    counted("packets", mirai.packets);
    counted("domestic_packets", mirai.domestic_packets);
    let unmarked = mirai.unmarked;
    totals.push(figure("unmarked_rate", change(unmarked), unmarked.relative()));
    for (name, sources) in [
        ("sources", mirai.sources),
        ("domestic_sources", mirai.domestic_sources),
        ("unmarked_sources", mirai.unmarked_sources),
    ] {
        totals.push(figure(name, estimates(sources), sources.relative()));
    }

    let header = [
        "source_region",
        "packets_before",
        "packets_after",
        "rate_before",
        "rate_after",
        "relative_change",
        "sources_before",
        "sources_after",
    ];
    let mut regions = Table::new("mirai_source_regions", &header);
    for region in &mirai.source_regions {
        let mut row = vec![region.key.to_string()];
        row.extend(change(region.packets));
        row.extend(change(region.rate));
        row.push(or_empty(region.rate.relative()));
        row.extend(estimates(region.sources));
        regions.push(row);
    }
    let mut ports = Table::new("mirai_ports", &["port", "all", "mirai", "share"]);
    for port in &mirai.ports {
        ports.push(vec![
            port.key.to_string(),
            port.all.to_string(),
            port.mirai.to_string(),
            port.share().to_string(),
        ]);
    }
    vec![
        totals,
        regions,
        ports,
        series("mirai_daily", &mirai.daily),
        series("mirai_daily_sources", &mirai.daily_sources),
        series("mirai_unmarked_daily", &mirai.unmarked_daily),
    ]
}

fn sensors(sensors: &[SensorSummary]) -> Table {
    let mut table = Table::new(
        "sensors",
        &[
            "sensor",
            "sensor_region",
            "sensor_rate_before",
            "sensor_rate_after",
            "sensor_relative_change",
        ],
    );
    table.header.extend(RANKED.map(str::to_owned));
    for sensor in sensors {
        let mut front = vec![sensor.name.clone(), sensor.region.to_string()];
        front.extend(change(sensor.rate));
        front.push(or_empty(sensor.rate.relative()));
        for port in &sensor.ports {
            table.push([front.clone(), ranked_row(port)].concat());
        }
    }
    table
}

fn one_side(name: &str, side: &Side) -> [Table; 3] {
    let mut table = Table::new(name, &FIGURES);
    table.push(alone("sensors", side.sensors));
    table.push(figure("rate", change(side.rate), side.rate.relative()));
    [
        table,
        ranked(format!("{name}_ports"), &side.ports),
        ranked(format!("{name}_source_regions"), &side.source_regions),
    ]
}

fn surges(surges: &[Surge]) -> [Table; 2] {
    let header = [
        "surge",
        "subject",
        "from",
        "to",
        "hours",
        "packets",
        "excess",
        "usual",
        "peak",
        "sensors",
        "sources",
        "largest_source",
    ];
    let mut table = Table::new("surges", &header);
    let mut parts = Table::new("surge_parts", &["surge", "key", "packets", "share"]);
    for (index, surge) in surges.iter().enumerate() {
        let number = (index + 1).to_string();
        table.push(vec![
            number.clone(),
            surge.subject.to_string(),
            surge.from.clone(),
            surge.to.clone(),
            surge.hours.to_string(),
            surge.packets.to_string(),
            surge.excess.to_string(),
            surge.usual.to_string(),
            surge.peak.to_string(),
            surge.sensors.to_string(),
            or_empty(surge.sources),
            surge.largest_source.to_string(),
        ]);
        surge
            .ports
            .iter()
            .for_each(|part| parts.push(share(&number, part)));
        surge
            .source_regions
            .iter()
            .for_each(|part| parts.push(share(&number, part)));
    }
    [table, parts]
}

fn share<K: Display>(number: &str, part: &Share<K>) -> Vec<String> {
    vec![
        number.to_owned(),
        part.key.to_string(),
        part.packets.to_string(),
        part.share.to_string(),
    ]
}

fn coverage(coverage: &Coverage) -> [Table; 5] {
    let of = coverage.total();
    let mut total = Table::new(
        "coverage_total",
        &[
            "observed_seconds",
            "expected_seconds",
            "share",
            "outages",
            "missing_seconds",
        ],
    );
    total.push(vec![
        of.observed_seconds.to_string(),
        of.expected_seconds.to_string(),
        of.share.to_string(),
        of.outages.to_string(),
        of.missing_seconds.to_string(),
    ]);
    let mut sensors = Table::new(
        "coverage",
        &[
            "sensor",
            "sensor_region",
            "observed_seconds",
            "expected_seconds",
            "share",
        ],
    );
    for sensor in &coverage.sensors {
        sensors.push(vec![
            sensor.name.clone(),
            sensor.region.to_string(),
            sensor.observed_seconds.to_string(),
            sensor.expected_seconds.to_string(),
            sensor.share().to_string(),
        ]);
    }
    let mut outages = Table::new("outages", &["sensor", "from", "to", "seconds"]);
    for outage in &coverage.outages {
        outages.push(vec![
            outage.sensor.clone(),
            outage.from.clone(),
            outage.to.clone(),
            outage.seconds.to_string(),
        ]);
    }
    let mut membership = Table::new("membership", &["change", "sensor"]);
    let members = &coverage.membership;
    membership.push(vec!["common".to_owned(), members.common.to_string()]);
    for (change, names) in [("added", &members.added), ("removed", &members.removed)] {
        for name in names {
            membership.push(vec![change.to_owned(), name.clone()]);
        }
    }
    let mut law = Table::new("conservation", &["term", "packets"]);
    let terms = &coverage.conservation;
    let mut row = |term: String, packets: String| law.push(vec![term, packets]);
    row("seen".to_owned(), terms.seen.to_string());
    for (outcome, packets) in &terms.outcomes {
        row(format!("outcome {outcome}"), packets.to_string());
    }
    row(
        "difference of outcomes".to_owned(),
        terms.outcomes_difference.to_string(),
    );
    row("observed".to_owned(), terms.observed.to_string());
    row("cells".to_owned(), terms.cells.to_string());
    for (reason, packets) in &terms.lost {
        row(format!("lost {reason}"), packets.to_string());
    }
    row("declared lost".to_owned(), terms.declared().to_string());
    row("difference".to_owned(), terms.difference.to_string());
    [total, sensors, outages, membership, law]
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
