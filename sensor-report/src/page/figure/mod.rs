//! Figures: where everything in a drawing stands. The templates draw it.

mod bars;
mod lines;
mod scale;

use serde::Serialize;

pub(crate) use self::{
    bars::{Bar, bars},
    lines::{Mark, lines},
};

/// Okabe and Ito's colours (2008), told apart by people with any kind of colour blindness; the yellow one is left out,
/// because white paper swallows it. Dashes tell lines apart in grey.
pub(crate) const STROKES: [Stroke; 7] = [
    Stroke::new("#0072b2", ""),
    Stroke::new("#d55e00", "7 2"),
    Stroke::new("#009e73", "2 2"),
    Stroke::new("#cc79a7", "9 2 2 2"),
    Stroke::new("#000000", "4 3"),
    Stroke::new("#e69f00", "12 3"),
    Stroke::new("#56b4e9", "6 2 2 2 2 2"),
];

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Stroke {
    pub(crate) colour: &'static str,
    pub(crate) dashes: &'static str,
}

impl Stroke {
    const fn new(colour: &'static str, dashes: &'static str) -> Self {
        Self { colour, dashes }
    }
}

/// A place on an axis.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// Width of a text in pixels at a size: East Asian characters are square, others are a little more than half of that.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let ems: f64 = text
        .chars()
        .map(|character| match character {
            'i' | 'j' | 'l' | '.' | ',' | '\'' | '|' | ' ' => 0.3,
            'm' | 'w' | 'M' | 'W' | '%' => 0.9,
            'A'..='Z' => 0.67,
            character if u32::from(character) >= 0x1100 => 1.0,
            _ => 0.57,
        })
        .sum();
    ems * size
}

/// To a tenth of a pixel: more digits make files larger and no figure better.
pub(crate) fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
