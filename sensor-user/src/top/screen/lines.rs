//! The lines above and below the tables.

use ratatui::{
    style::{Color, Modifier},
    text::{Line, Span},
};

use super::Theme;
use crate::top::{
    figures,
    state::{Measure, State},
    view::View,
};

/// Which sensor it is, and how much it has seen.
pub(super) fn title_line(view: &View<'_>, state: &State, theme: Theme) -> Line<'static> {
    let Some(picture) = view.picture() else {
        return Line::from(Span::styled(
            format!(" teiten  asking {} …", state.endpoint),
            theme.title(),
        ));
    };
    let up = picture
        .from
        .zip(picture.to)
        .map_or(0, |(from, to)| to.duration_since(from).as_secs());
    let sources = picture.unique_sources.all;
    let sources = sources.map_or_else(String::new, |all| format!("  {} sources", figures::grouped(all)));
    Line::from(vec![
        Span::styled(format!(" {} ", picture.sensor), theme.title()),
        Span::raw(format!(
            " {}  up {}  seen {}  {}/s{sources}",
            picture.xdp_mode,
            figures::span(up),
            figures::grouped(picture.seen),
            figures::rate(view.seen_rate()),
        )),
    ])
}

/// Whether it is sound.
pub(super) fn health_line(view: &View<'_>, state: &State, theme: Theme) -> Line<'static> {
    if let Some(failure) = &state.failure {
        return Line::from(Span::styled(format!(" {failure}"), theme.bad()));
    }
    let Some(picture) = view.picture() else {
        return Line::default();
    };
    let law = picture.conservation;
    let sound = law.difference == 0;
    let mut spans = vec![
        Span::styled(
            format!(" conservation difference {}", law.difference),
            if sound { theme.good() } else { theme.bad() },
        ),
        Span::raw(format!("  observed {}", figures::grouped(law.observed))),
    ];
    let lost = format!(
        "  lost {} records, {} packets of detail",
        figures::count(law.records_lost),
        figures::count(law.packets_lost_detail)
    );
    let style = if law.records_lost == 0 {
        theme.quiet()
    } else {
        theme.bad()
    };
    spans.push(Span::styled(lost, style));
    Line::from(spans)
}

/// What kinds of packets come.
pub(super) fn class_line(view: &View<'_>, theme: Theme) -> Line<'static> {
    let classes = view
        .classes
        .iter()
        .map(|row| format!("{} {}", row.name, row.figure));
    let classes: Vec<_> = classes.collect();
    if classes.is_empty() {
        return Line::default();
    }
    Line::from(vec![
        Span::raw(format!(" {}", classes.join("  "))),
        Span::styled(format!("  {}", view.measure), theme.quiet()),
    ])
}

/// What the keys do now.
pub(super) fn key_line(state: &State, theme: Theme) -> Line<'static> {
    if let Some(text) = &state.typing {
        return Line::from(format!(" filter (port, region or mirai): {text}_"));
    }
    if let Some(complaint) = &state.complaint {
        return Line::from(Span::styled(format!(" {complaint}"), theme.bad()));
    }
    let mut spans = Vec::new();
    if state.paused {
        let style = theme.colour(Color::Yellow).add_modifier(Modifier::REVERSED);
        spans.push(Span::styled(" PAUSED ", style));
    }
    if let Some(filter) = &state.filter {
        spans.push(Span::styled(
            format!(" {filter} (Esc) "),
            theme.colour(Color::Yellow).add_modifier(Modifier::BOLD),
        ));
    }
    let measure = match state.measure {
        Measure::Rate => "totals",
        Measure::Total => "rates",
    };
    let sort = state.sort.name();
    // What is said before takes room: then the help has the rest.
    let keys = if spans.is_empty() {
        format!(" q quit  p pause  r {measure}  s sort: {sort}  / filter  Tab, Enter  ? help")
    } else {
        let pause = if state.paused { "go on" } else { "pause" };
        format!(" q quit  p {pause}  r {measure}  s {sort}  ? help")
    };
    spans.push(Span::styled(keys, theme.quiet()));
    Line::from(spans)
}
