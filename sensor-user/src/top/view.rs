//! Picks the rows to show: no terminal, no clock.

use super::{
    figures,
    history::{Counted, History, Key},
    picture::Picture,
    state::{Filter, Measure, Sort, State},
};
use crate::region::{Language, Region, RegionNames};

/// One row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is of.
    pub key: Key,
    /// How it is called.
    pub name: String,
    /// Packets, or packets a second, as they are shown.
    pub figure: String,
    /// The share of packets with the Mirai mark, where there are any.
    pub mirai: String,
    /// Unique sources, where they are kept.
    pub sources: String,
}

/// What is shown.
pub struct View<'a> {
    history: &'a History,
    counted: Counted,
    /// What the column of figures is called.
    pub measure: &'static str,
    /// Destination ports.
    pub ports: Vec<Row>,
    /// Source regions.
    pub regions: Vec<Row>,
    /// Tools.
    pub tools: Vec<Row>,
    /// Classes.
    pub classes: Vec<Row>,
}

impl<'a> View<'a> {
    /// The rows of the last answer, at most `limit` of each table.
    pub fn new(history: &'a History, state: &State, limit: usize) -> Self {
        let measure = match state.measure {
            Measure::Total => "packets",
            Measure::Rate if history.has_steps() => "per s",
            Measure::Rate => "mean/s",
        };
        let mut view = Self {
            history,
            counted: state.counted(),
            measure,
            ports: Vec::new(),
            regions: Vec::new(),
            tools: Vec::new(),
            classes: Vec::new(),
        };
        if let Some(picture) = history.latest() {
            view.ports = view.rows(port_keys(picture, state.filter.as_ref()), state, limit);
            view.regions = view.rows(region_keys(picture, state.filter.as_ref()), state, limit);
            // The rows of one port's regions are named by what tells them apart.
            for row in &mut view.regions {
                if let Key::Pair(_, _, region) = &row.key {
                    row.name = region_name(region);
                }
            }
            let tools = picture.tools.iter().map(|tool| Key::Tool(tool.label())).collect();
            view.tools = view.plain_rows(tools, state.measure, limit);
            let classes = picture
                .classes
                .keys()
                .map(|class| Key::Class(class.clone()))
                .collect();
            view.classes = view.plain_rows(classes, state.measure, limit);
        }
        view
    }

    /// The answer that is shown.
    pub fn picture(&self) -> Option<&Picture> {
        self.history.latest()
    }

    /// Packets a second, all of them.
    pub fn seen_rate(&self) -> f64 {
        self.history.rate(&Key::Seen, Counted::Packets)
    }

    /// Packets a second of a row, step by step.
    pub fn trend(&self, row: &Row) -> Vec<f64> {
        self.history.trend(&row.key, self.counted)
    }

    /// Rows with the marks of Mirai, in the order that the user wants.
    fn rows(&self, keys: Vec<Key>, state: &State, limit: usize) -> Vec<Row> {
        let value = |key: &Key, counted| match state.measure {
            Measure::Rate => self.history.rate(key, counted),
            Measure::Total => exact(self.history.total(key).of(counted)),
        };
        let mut ranked: Vec<(f64, Key)> = keys
            .into_iter()
            .filter(|key| self.history.total(key).of(self.counted) > 0)
            .map(|key| {
                let rank = match state.sort {
                    Sort::Packets => value(&key, self.counted),
                    Sort::Mirai => value(&key, Counted::Mirai),
                    Sort::Sources => exact(self.history.total(&key).sources.unwrap_or(0)),
                    Sort::Name => 0.0,
                };
                (rank, key)
            })
            .collect();
        // Equal ones by their names, so that rows stay where they are.
        ranked.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.cmp(right)));
        ranked
            .into_iter()
            .take(limit)
            .map(|(_, key)| self.row(key, state.measure))
            .collect()
    }

    fn plain_rows(&self, keys: Vec<Key>, measure: Measure, limit: usize) -> Vec<Row> {
        let mut keys: Vec<Key> = keys
            .into_iter()
            .filter(|key| self.history.total(key).packets > 0)
            .collect();
        keys.sort_by_key(|key| std::cmp::Reverse(self.history.total(key).packets));
        keys.into_iter()
            .take(limit)
            .map(|key| self.row(key, measure))
            .collect()
    }

    fn row(&self, key: Key, measure: Measure) -> Row {
        let counted = match key {
            Key::Tool(_) | Key::Class(_) => Counted::Packets,
            _ => self.counted,
        };
        let total = self.history.total(&key);
        Row {
            name: name(&key),
            figure: match measure {
                Measure::Rate => figures::rate(self.history.rate(&key, counted)),
                Measure::Total => figures::count(total.of(counted)),
            },
            mirai: share(total.mirai, total.packets),
            sources: total.sources.map_or_else(String::new, figures::count),
            key,
        }
    }
}

/// The ports of a region when there is such a filter, otherwise those of all packets.
fn port_keys(picture: &Picture, filter: Option<&Filter>) -> Vec<Key> {
    if let Some(Filter::Region(region)) = filter {
        return picture
            .port_regions
            .iter()
            .filter(|row| row.source_region == *region)
            .map(|row| Key::Pair(row.transport.clone(), row.port, row.source_region.clone()))
            .collect();
    }
    picture
        .ports
        .iter()
        .filter(|row| fits(filter, &row.transport, row.port))
        .map(|row| Key::Port(row.transport.clone(), row.port))
        .collect()
}

/// The regions of a port when there is such a filter, otherwise those of all packets.
fn region_keys(picture: &Picture, filter: Option<&Filter>) -> Vec<Key> {
    match filter {
        Some(Filter::Port(..)) => picture
            .port_regions
            .iter()
            .filter(|row| fits(filter, &row.transport, row.port))
            .map(|row| Key::Pair(row.transport.clone(), row.port, row.source_region.clone()))
            .collect(),
        Some(Filter::Region(region)) => vec![Key::Region(region.clone())],
        Some(Filter::Mirai) | None => picture
            .source_regions
            .iter()
            .map(|row| Key::Region(row.source_region.clone()))
            .collect(),
    }
}

fn fits(filter: Option<&Filter>, transport: &str, port: u16) -> bool {
    match filter {
        Some(Filter::Port(wanted, number)) => {
            *number == port && wanted.as_deref().is_none_or(|wanted| wanted == transport)
        }
        _ => true,
    }
}

fn name(key: &Key) -> String {
    match key {
        Key::Seen => "all".to_owned(),
        Key::Port(transport, port) | Key::Pair(transport, port, _) => format!("{port}/{transport}"),
        Key::Region(code) => region_name(code),
        Key::Tool(name) | Key::Class(name) => name.clone(),
    }
}

/// Code and English name.
fn region_name(code: &str) -> String {
    match code.parse::<Region>() {
        Ok(region) => {
            let names = RegionNames::default();
            format!("{code} {}", names.name(region, Language::English))
        }
        Err(_) => code.to_owned(),
    }
}

/// A share in whole per cent; nothing for none, and never 100 for less than all.
fn share(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return String::new();
    }
    let percent = u128::from(part) * 100 / u128::from(whole);
    if percent == 0 {
        "<1%".to_owned()
    } else {
        format!("{percent}%")
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only the order matters, and it is kept"
)]
fn exact(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for (to, factor) in [("2026-01-01T00:00:10Z", 1), ("2026-01-01T00:00:20Z", 3)] {
            let picture = serde_json::from_value(serde_json::json!({
                "sensor": "a", "from": "2026-01-01T00:00:00Z", "to": to, "seen": 1000 * factor,
                "classes": {"scan": 900 * factor, "other": 0},
                "ports": [
                    {"transport": "tcp", "port": 23, "packets": 600 * factor, "mirai": 500 * factor, "sources": 9},
                    {"transport": "udp", "port": 5060, "packets": 300 * factor, "mirai": 0, "sources": 50},
                    {"transport": "tcp", "port": 5060, "packets": 7, "mirai": 7}
                ],
                "source_regions": [
                    {"source_region": "JP", "packets": 800 * factor, "mirai": 10},
                    {"source_region": "US", "packets": 100 * factor, "mirai": 490}
                ],
                "port_regions": [
                    {"transport": "tcp", "port": 23, "source_region": "US", "packets": 90 * factor, "mirai": 90},
                    {"transport": "udp", "port": 5060, "source_region": "JP", "packets": 80, "mirai": 0}
                ],
                "tools": [{"tool": "zmap", "certainty": "likely", "packets": 40}]
            }))
            .unwrap();
            assert!(history.push(picture));
        }
        history
    }

    fn names(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.name.as_str()).collect()
    }

    fn view_of(filter: Option<Filter>, measure: Measure, sort: Sort) -> (Vec<String>, Vec<String>) {
        let history = history();
        let state = State {
            measure,
            sort,
            filter,
            ..State::default()
        };
        let view = View::new(&history, &state, usize::MAX);
        let list = |rows: &[Row]| {
            rows.iter()
                .map(|row| format!("{}={}", row.name, row.figure))
                .collect()
        };
        (list(&view.ports), list(&view.regions))
    }

    #[test]
    fn each_filter_gives_its_rows() {
        for (filter, ports, regions) in [
            (
                None,
                vec!["23/tcp=1,800", "5060/udp=900", "5060/tcp=7"],
                vec!["JP Japan=2,400", "US United States=300"],
            ),
            (
                Some(Filter::Port(None, 5060)),
                vec!["5060/udp=900", "5060/tcp=7"],
                vec!["JP Japan=80"],
            ),
            (
                Some(Filter::Region("US".into())),
                vec!["23/tcp=270"],
                vec!["US United States=300"],
            ),
            (
                Some(Filter::Mirai),
                vec!["23/tcp=1,500", "5060/tcp=7"],
                vec!["US United States=490", "JP Japan=10"],
            ),
        ] {
            let (shown_ports, shown_regions) = view_of(filter.clone(), Measure::Total, Sort::Packets);
            assert_eq!(
                (shown_ports, shown_regions),
                (own(&ports), own(&regions)),
                "{filter:?}"
            );
        }
    }

    fn own(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rates_are_of_the_last_step() {
        let (ports, _) = view_of(None, Measure::Rate, Sort::Packets);
        assert_eq!(ports, ["23/tcp=120", "5060/udp=60.0", "5060/tcp=0"]);
    }

    #[test]
    fn each_order_sorts_as_it_says() {
        for (sort, expected) in [
            (Sort::Packets, ["23/tcp", "5060/udp", "5060/tcp"]),
            (Sort::Mirai, ["23/tcp", "5060/tcp", "5060/udp"]),
            (Sort::Sources, ["5060/udp", "23/tcp", "5060/tcp"]),
            (Sort::Name, ["23/tcp", "5060/tcp", "5060/udp"]),
        ] {
            let history = history();
            let state = State {
                sort,
                measure: Measure::Total,
                ..State::default()
            };
            let view = View::new(&history, &state, usize::MAX);
            assert_eq!(names(&view.ports), expected, "{}", sort.name());
        }
    }

    #[test]
    fn tools_say_when_they_are_only_likely_and_empty_classes_are_left_out() {
        let history = history();
        let view = View::new(&history, &State::default(), usize::MAX);
        assert_eq!(names(&view.tools), ["zmap (likely)"]);
        assert_eq!(names(&view.classes), ["scan"]);
    }

    #[test]
    fn a_share_is_never_rounded_up() {
        for (part, whole, text) in [
            (0, 5, ""),
            (1, 1000, "<1%"),
            (999, 1000, "99%"),
            (5, 5, "100%"),
            (1, 0, ""),
        ] {
            assert_eq!(share(part, whole), text);
        }
    }

    #[test]
    fn before_the_first_answer_everything_is_empty() {
        let history = History::default();
        let view = View::new(&history, &State::default(), 10);
        assert!(view.ports.is_empty() && view.regions.is_empty() && view.picture().is_none());
    }
}
