//! The pictures: groups of horizontal bars, as SVG.

use std::fmt::Write as _;

use serde_json::Value;

/// Measures of a picture, in its own units.
const WIDTH: f64 = 760.0;
const LABELS: f64 = 230.0;
const FIGURES: f64 = 110.0;
const BAR: f64 = 18.0;
const GAP: f64 = 5.0;
const GROUP_GAP: f64 = 12.0;
const TOP: f64 = 58.0;
/// The sensor, what it is compared with, and the rest. They differ in brightness too.
const COLOURS: [&str; 3] = ["#1f5fa8", "#c98a1b", "#9aa3ad"];

/// One picture.
pub(super) struct Picture {
    pub(super) name: &'static str,
    pub(super) svg: String,
}

impl Picture {
    pub(super) fn file(&self) -> String {
        format!("performance-{}.svg", self.name)
    }
}

struct Bar {
    label: String,
    value: f64,
    text: String,
    /// Of [`COLOURS`].
    colour: usize,
}

/// Those that the results have figures for.
pub(super) fn drawn(results: &Value) -> Vec<Picture> {
    let parts = &results["parts"];
    let pictures = [
        ("live", "Frames a second on one CPU, millions", live(parts)),
        (
            "peers",
            "Packets a CPU-second, millions: receiving, in the kernel and in processes",
            peers(parts),
        ),
        (
            "drain",
            "Nanoseconds a record behind the ring, one core",
            drain(parts),
        ),
        (
            "replay",
            "Packets of a capture a second on one core, millions",
            replay(parts),
        ),
        (
            "report",
            "Seconds for a question over a quarter of 20 sensors",
            report(parts),
        ),
    ];
    pictures
        .into_iter()
        .filter(|(_, _, groups)| groups.iter().any(|group| !group.is_empty()))
        .map(|(name, title, groups)| Picture {
            name,
            svg: draw(title, &groups),
        })
        .collect()
}

fn list<'value>(parts: &'value Value, pointer: &str) -> impl Iterator<Item = &'value Value> {
    parts
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn live(parts: &Value) -> Vec<Vec<Bar>> {
    let group = |row: &Value| {
        let bar = |name: &str, field: &str, colour| {
            let rate = 1e3 / row[field].as_f64()?;
            Some(Bar {
                label: format!("{}, {name}", text(&row["profile"])),
                value: rate,
                text: format!("{rate:.2}"),
                colour,
            })
        };
        [bar("bare drop", "ns_drop", 2), bar("sensor", "ns_sensor", 0)]
            .into_iter()
            .flatten()
            .collect()
    };
    list(parts, "/live/result/profiles").map(group).collect()
}

fn peers(parts: &Value) -> Vec<Vec<Bar>> {
    let bar = |label: String, rate: &Value, colour| {
        let rate = rate.as_f64()? / 1e6;
        Some(Bar {
            label,
            value: rate,
            text: format!("{rate:.2}"),
            colour,
        })
    };
    let group = |row: &Value| {
        let profile = text(&row["profile"]);
        let sensor = bar(format!("{profile}, sensor"), &row["packets_a_cpu_second"], 0);
        // What counts nothing but packets is another thing.
        let peers = list(row, "/peers")
            .filter(|peer| peer["name"] != "xdp-bench drop")
            .filter_map(|peer| {
                let colour = if peer["reports_ports_and_countries"] == true {
                    1
                } else {
                    2
                };
                bar(
                    format!("{profile}, {}", text(&peer["name"])),
                    &peer["packets_a_cpu_second"],
                    colour,
                )
            });
        sensor.into_iter().chain(peers).collect()
    };
    list(parts, "/live/result/profiles")
        .filter(|row| list(row, "/peers").next().is_some())
        .map(group)
        .collect()
}

fn drain(parts: &Value) -> Vec<Vec<Bar>> {
    let group = |row: &Value| {
        let profile = text(&row["profile"]);
        let figures = row["nanoseconds"].as_object();
        figures
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| {
                let value = value.as_f64()?.max(0.0);
                Some(Bar {
                    label: format!("{profile}, {name}"),
                    value,
                    text: format!("{value:.0}"),
                    colour: if name == "all" { 0 } else { 2 },
                })
            })
            .collect()
    };
    list(parts, "/drain/result/profiles").map(group).collect()
}

fn replay(parts: &Value) -> Vec<Vec<Bar>> {
    let bar = |row: &Value| {
        let command = text(&row["command"]);
        let rate = row["rate"]["median"].as_f64()? / 1e6;
        let short: Vec<&str> = command.split_whitespace().take(4).collect();
        Some(Bar {
            label: short.join(" "),
            value: rate,
            text: format!("{rate:.2}"),
            colour: usize::from(!command.starts_with("teiten")),
        })
    };
    vec![list(parts, "/replay/result/readers").filter_map(bar).collect()]
}

fn report(parts: &Value) -> Vec<Vec<Bar>> {
    let group = |row: &Value| {
        let name = text(&row["name"]);
        let bar = |engine: &str, seconds: &Value, colour| {
            let seconds = seconds["median"].as_f64()?;
            let label = if colour == 0 {
                name.clone()
            } else {
                engine.to_owned()
            };
            Some(Bar {
                label,
                value: seconds,
                text: format!("{seconds:.2}"),
                colour,
            })
        };
        let ours = bar("teiten-report", &row["ours"], 0);
        ours.into_iter().chain(bar("DuckDB", &row["duckdb"], 1)).collect()
    };
    list(parts, "/report/result/questions").map(group).collect()
}

fn draw(title: &str, groups: &[Vec<Bar>]) -> String {
    let most = groups.iter().flatten().map(|bar| bar.value).fold(0.0, f64::max);
    let (mut bars, mut y) = (String::new(), TOP);
    for group in groups.iter().filter(|group| !group.is_empty()) {
        for bar in group {
            let width = (WIDTH - LABELS - FIGURES) * if most > 0.0 { bar.value / most } else { 0.0 };
            let middle = y + BAR * 0.75;
            // Writing into a text does not fail.
            let _ = writeln!(
                bars,
                "<text x=\"{:.0}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LABELS}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"{middle:.1}\">{}</text>",
                LABELS - 8.0,
                escape(&bar.label),
                width.max(1.0),
                COLOURS[bar.colour.min(COLOURS.len() - 1)],
                LABELS + width + 6.0,
                escape(&bar.text),
            );
            y += BAR + GAP;
        }
        y += GROUP_GAP;
    }
    let title = escape(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" font-family=\"sans-serif\" \
         font-size=\"13\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{y:.0}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"30\" font-size=\"16\" font-weight=\"bold\">{title}</text>\n{bars}</svg>\n"
    )
}

/// A text as it stands in XML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
