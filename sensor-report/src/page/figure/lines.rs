//! Line charts over days or months, with the lines' names at their ends.

use jiff::civil::Date;
use serde::Serialize;

use super::{STROKES, Stroke, Tick, scale::Scale, tenth, width};
use crate::{
    model::{Series, Step},
    page::words::{self, Language},
};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 262.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 28.0;
const LEFT: f64 = 62.0;
const TEXT: f64 = 12.0;
/// From one name to the next.
const LEADING: f64 = 15.0;
const MARK_ROW: f64 = 13.0;
const MARK_ROWS: usize = 3;

/// A vertical line at an event.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) day: Date,
    pub(crate) text: String,
}

/// A chart that a template can draw.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Lines {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    drawn: Vec<Drawn>,
    marks: Vec<DrawnMark>,
}

#[derive(Clone, Debug, Serialize)]
struct Drawn {
    path: String,
    /// Points with nothing on either side, which no path shows.
    dots: Vec<[f64; 2]>,
    stroke: Stroke,
    label: String,
    label_x: f64,
    label_y: f64,
    /// From the line's end to its name.
    leader: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct DrawnMark {
    x: f64,
    text: String,
    text_x: f64,
    text_y: f64,
    anchor: &'static str,
}

/// Draws the first lines of a series; `names` are theirs.
#[expect(clippy::cast_precision_loss, reason = "places of a drawing")]
pub(crate) fn lines<K>(series: &Series<K>, names: &[String], marks: &[Mark], language: Language) -> Lines {
    let shown: Vec<_> = series.lines.iter().zip(names).zip(STROKES).collect();
    let widest = shown
        .iter()
        .map(|((_, name), _)| width(name, TEXT))
        .fold(40.0, f64::max);
    let right = WIDTH - widest - 22.0;
    let bottom = HEIGHT - BOTTOM;
    let has_marks = marks.iter().any(|mark| place_of(series, mark.day).is_some());
    let top = if has_marks {
        TOP + MARK_ROW * MARK_ROWS as f64
    } else {
        TOP
    };
    let values = shown
        .iter()
        .flat_map(|((line, _), _)| line.values.iter().flatten());
    let scale = Scale::new(values.copied().fold(0.0, f64::max), 5.0);
    let x_of = |place: usize| {
        let steps = series.at.len().saturating_sub(1).max(1);
        LEFT + (right - LEFT) * place as f64 / steps as f64
    };
    let y_of = |value: f64| bottom + (top - bottom) * scale.place(value);
    let mut drawn: Vec<Drawn> = shown
        .into_iter()
        .map(|((line, name), stroke)| {
            let (path, dots) = path(&line.values, x_of, y_of);
            let last = line.values.iter().rposition(Option::is_some);
            let end = last.and_then(|place| Some((x_of(place), y_of(line.values[place]?))));
            Drawn {
                path,
                dots,
                stroke,
                label: name.clone(),
                label_x: right + 16.0,
                label_y: end.map_or(bottom, |end| end.1),
                leader: end.map(|(x, y)| format!("M{} {}L{} ", tenth(x + 2.0), tenth(y), right + 13.0)),
            }
        })
        .collect();
    spread(&mut drawn, top, bottom);
    Lines {
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: tenth(right),
        top,
        bottom,
        x_ticks: x_ticks(series, x_of, language),
        y_ticks: scale.ticks(bottom, top),
        drawn,
        marks: drawn_marks(series, marks, x_of, right),
    }
}

/// A path with a gap wherever nothing was observed.
fn path(
    values: &[Option<f64>],
    x_of: impl Fn(usize) -> f64,
    y_of: impl Fn(f64) -> f64,
) -> (String, Vec<[f64; 2]>) {
    let mut path = String::new();
    let mut dots = Vec::new();
    for (place, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let (x, y) = (tenth(x_of(place)), tenth(y_of(*value)));
        let has = |place: Option<usize>| {
            place
                .and_then(|place| values.get(place))
                .is_some_and(Option::is_some)
        };
        let (before, after) = (has(place.checked_sub(1)), has(Some(place + 1)));
        if !before && !after {
            dots.push([x, y]);
        } else {
            path.push(if before { 'L' } else { 'M' });
            path.push_str(&x.to_string());
            path.push(' ');
            path.push_str(&y.to_string());
        }
    }
    (path, dots)
}

/// Moves names apart that would stand on each other, and leads each line to its name.
fn spread(lines: &mut [Drawn], top: f64, bottom: f64) {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|one, other| lines[*one].label_y.total_cmp(&lines[*other].label_y));
    let mut lowest = top - LEADING / 2.0;
    for place in &order {
        lines[*place].label_y = lines[*place].label_y.max(lowest);
        lowest = lines[*place].label_y + LEADING;
    }
    let mut highest = bottom + LEADING / 4.0;
    for place in order.iter().rev() {
        lines[*place].label_y = lines[*place].label_y.min(highest);
        highest = lines[*place].label_y - LEADING;
    }
    for line in lines {
        line.label_y = tenth(line.label_y);
        if let Some(leader) = &mut line.leader {
            leader.push_str(&line.label_y.to_string());
        }
        line.label_y = tenth(line.label_y + TEXT / 3.0);
    }
}

fn x_ticks<K>(series: &Series<K>, x_of: impl Fn(usize) -> f64, language: Language) -> Vec<Tick> {
    let count = series.at.len();
    let is_tick = |place: usize, date: Date| match series.step {
        Step::Month if count > 15 => date.month() % 3 == 1,
        Step::Day if count > 200 => date.day() == 1,
        Step::Day if count > 40 => [1, 11, 21].contains(&date.day()),
        Step::Day if count > 12 => place.is_multiple_of(5),
        Step::Month | Step::Day => true,
    };
    let label = |date: Date| match series.step {
        Step::Month => format!("{}-{:02}", date.year(), date.month()),
        Step::Day => words::day_of_month(date, language),
    };
    let ticks = series.at.iter().enumerate();
    ticks
        .filter(|(place, date)| is_tick(*place, **date))
        .map(|(place, date)| Tick {
            at: tenth(x_of(place)),
            label: label(*date),
        })
        .collect()
}

/// Which point a day belongs to.
fn place_of<K>(series: &Series<K>, day: Date) -> Option<usize> {
    series.at.iter().position(|at| match series.step {
        Step::Day => *at == day,
        Step::Month => *at == day.first_of_month(),
    })
}

/// The texts of events stand in rows above the chart, so that neighbours do not meet.
#[expect(clippy::cast_precision_loss, reason = "places of a drawing")]
fn drawn_marks<K>(
    series: &Series<K>,
    marks: &[Mark],
    x_of: impl Fn(usize) -> f64,
    right: f64,
) -> Vec<DrawnMark> {
    let mut ends = [f64::MIN; MARK_ROWS];
    let mut drawn = Vec::new();
    for mark in marks {
        let Some(place) = place_of(series, mark.day) else {
            continue;
        };
        let x = tenth(x_of(place));
        let length = width(&mark.text, 10.5);
        // Near the right edge the text stands before its line.
        let (from, anchor, text_x) = if x + length + 4.0 > right + 40.0 {
            (x - length - 4.0, "end", x - 3.0)
        } else {
            (x, "start", x + 3.0)
        };
        let Some(row) = ends.iter().position(|end| *end < from) else {
            // No row is free: the line alone is drawn, and its text stands in the table of events.
            drawn.push(DrawnMark {
                x,
                text: String::new(),
                text_x,
                text_y: TOP,
                anchor,
            });
            continue;
        };
        ends[row] = from + length + 10.0;
        drawn.push(DrawnMark {
            x,
            text: mark.text.clone(),
            text_x,
            text_y: TOP + 6.0 + MARK_ROW * row as f64,
            anchor,
        });
    }
    drawn
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Line;

    fn series(lines: &[&[Option<f64>]]) -> Series<String> {
        Series {
            step: Step::Day,
            at: (1..=i8::try_from(lines[0].len()).unwrap())
                .map(|day| date(2022, 10, day))
                .collect(),
            lines: lines
                .iter()
                .map(|values| Line {
                    key: String::new(),
                    values: values.to_vec(),
                })
                .collect(),
        }
    }

    #[test]
    fn a_day_that_was_not_observed_is_a_gap_and_a_day_alone_is_a_dot() {
        let drawn = lines(
            &series(&[&[Some(1.0), Some(2.0), None, Some(3.0), None, Some(1.0), Some(1.0)]]),
            &["a".to_owned()],
            &[],
            Language::English,
        );
        assert_eq!(drawn.drawn[0].path.matches('M').count(), 2);
        assert_eq!(drawn.drawn[0].path.matches('L').count(), 2);
        assert_eq!(drawn.drawn[0].dots.len(), 1);
    }

    #[test]
    fn names_of_lines_that_end_together_stand_apart_and_inside() {
        let flat: Vec<Option<f64>> = vec![Some(0.0); 5];
        let all = [flat.as_slice(); 7];
        let names: Vec<_> = (0..7).map(|name| name.to_string()).collect();
        let drawn = lines(&series(&all), &names, &[], Language::English);
        let mut places: Vec<_> = drawn.drawn.iter().map(|line| line.label_y).collect();
        places.sort_by(f64::total_cmp);
        for pair in places.windows(2) {
            assert!(pair[1] - pair[0] >= LEADING - 0.2, "{places:?}");
        }
        assert!(places[0] > drawn.top && places[6] < drawn.height, "{places:?}");
    }

    #[test]
    fn texts_of_events_on_neighbouring_days_stand_in_different_rows() {
        let flat: Vec<Option<f64>> = vec![Some(1.0); 20];
        let marks = [3, 4, 5, 20].map(|day| Mark {
            day: date(2022, 10, day),
            text: "a new bot".to_owned(),
        });
        let drawn = lines(&series(&[&flat]), &["a".to_owned()], &marks, Language::English);
        let long = width("a new bot", 10.5);
        for pair in drawn.marks[..3].windows(2) {
            assert!(
                (pair[0].text_y - pair[1].text_y).abs() >= MARK_ROW,
                "{:?}",
                drawn.marks
            );
        }
        let (first, third) = (&drawn.marks[0], &drawn.marks[2]);
        assert!(
            (first.text_y - third.text_y).abs() >= MARK_ROW || third.text_x - first.text_x > long,
            "{:?}",
            drawn.marks
        );
        assert!(drawn.marks[3].text_x + 60.0 < drawn.width);
    }
}
