//! Pairs of bars, before and after: what a period of few days has in place of lines.

use serde::Serialize;

use super::{Tick, scale::Scale, tenth, width};

// Two stand beside each other on a sheet.
const WIDTH: f64 = 400.0;
const TEXT: f64 = 12.0;
const ROW: f64 = 21.0;
const BAR: f64 = 8.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 26.0;

/// What a pair of bars shows.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) before: Option<f64>,
    pub(crate) after: f64,
}

/// A chart that a template can draw.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bars {
    width: f64,
    height: f64,
    left: f64,
    top: f64,
    bottom: f64,
    x_ticks: Vec<Tick>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, Serialize)]
struct Row {
    label: String,
    label_y: f64,
    after_y: f64,
    after: f64,
    before_y: f64,
    before: Option<f64>,
    bar: f64,
}

/// Draws pairs of bars, the first on top.
#[expect(clippy::cast_precision_loss, reason = "places of a drawing")]
pub(crate) fn bars(bars: &[Bar]) -> Bars {
    let left = bars.iter().map(|bar| width(&bar.name, TEXT)).fold(40.0, f64::max) + 14.0;
    let right = WIDTH - 24.0;
    let values = bars
        .iter()
        .flat_map(|bar| [bar.after, bar.before.unwrap_or(0.0)])
        .fold(0.0, f64::max);
    let scale = Scale::new(values, 4.0);
    let length = |value: f64| tenth((right - left) * scale.place(value));
    let rows = bars.iter().enumerate().map(|(number, bar)| {
        let y = TOP + ROW * number as f64;
        Row {
            label: bar.name.clone(),
            label_y: y + BAR + TEXT / 3.0,
            after_y: y,
            after: length(bar.after),
            before_y: y + BAR + 1.0,
            before: bar.before.map(length),
            bar: BAR,
        }
    });
    let bottom = TOP + ROW * bars.len() as f64;
    Bars {
        width: WIDTH,
        height: bottom + BOTTOM,
        left: tenth(left),
        top: TOP - 6.0,
        bottom,
        x_ticks: scale.ticks(left, right),
        rows: rows.collect(),
    }
}
