//! The tables of the view.

use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Row as Cells, Table, TableState},
};

use super::Theme;
use crate::top::{
    figures,
    state::{Panel, State},
    view::{Row, View},
};

/// One of the two tables that keys move in.
pub(super) fn draw_panel(
    frame: &mut Frame<'_>,
    area: Rect,
    panel: Panel,
    view: &View<'_>,
    state: &mut State,
    theme: Theme,
) {
    let (name, rows) = match panel {
        Panel::Ports => ("port", &view.ports),
        Panel::Regions => ("region", &view.regions),
    };
    let title = match panel {
        Panel::Ports => format!(" Ports ({}) ", rows.len()),
        Panel::Regions => format!(" Source regions ({}) ", rows.len()),
    };
    // The list may have become shorter since the row was chosen.
    let selected = &mut state.selected[panel as usize];
    *selected = (*selected).min(rows.len().saturating_sub(1));
    let chosen = (panel == state.panel && !rows.is_empty()).then_some(*selected);

    let with_sources = rows.iter().any(|row| !row.sources.is_empty());
    let mut widths = vec![Constraint::Min(9), Constraint::Length(10), Constraint::Length(5)];
    let mut header = vec![name, view.measure, "Mirai"];
    if with_sources {
        widths.push(Constraint::Length(7));
        header.push("sources");
    }
    // The columns, one between each two, and the border.
    let used: u16 = if with_sources { 37 } else { 29 };
    let trend_width = area.width.saturating_sub(used).min(20);
    if trend_width >= 4 {
        widths.push(Constraint::Length(trend_width));
        header.push("trend");
    }
    let visible = usize::from(area.height);
    let cells = rows.iter().enumerate().map(|(index, row)| {
        // A trend takes time to work out: only for rows that can be on the screen.
        let near = index.abs_diff(state.selected[panel as usize]) <= visible || index <= visible;
        let mut cells = vec![
            Line::from(row.name.clone()),
            Line::from(row.figure.clone()).alignment(Alignment::Right),
            Line::from(Span::styled(row.mirai.clone(), theme.colour(Color::Magenta)))
                .alignment(Alignment::Right),
        ];
        if with_sources {
            cells.push(Line::from(row.sources.clone()).alignment(Alignment::Right));
        }
        if trend_width >= 4 && near {
            cells.push(Line::from(trend_of(view, row, usize::from(trend_width), theme)));
        }
        Cells::new(cells)
    });
    let header = header.into_iter().enumerate().map(|(column, text)| {
        let figures = (1..4).contains(&column) && text != "trend";
        Line::from(text).alignment(if figures {
            Alignment::Right
        } else {
            Alignment::Left
        })
    });
    let table = Table::new(cells, widths)
        .header(Cells::new(header).style(theme.quiet().add_modifier(Modifier::UNDERLINED)))
        .block(Block::bordered().title(Span::styled(title, theme.title())))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut TableState::default().with_selected(chosen));
}

/// The last steps that fit.
fn trend_of(view: &View<'_>, row: &Row, width: usize, theme: Theme) -> String {
    let trend = view.trend(row);
    figures::trend(&trend[trend.len().saturating_sub(width)..], theme.utf8)
}

/// The tools, in which keys do not move.
pub(super) fn draw_tools(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let cells = view.tools.iter().map(|row| {
        Cells::new([
            Line::from(row.name.clone()),
            Line::from(row.figure.clone()).alignment(Alignment::Right),
            Line::from(row.sources.clone()).alignment(Alignment::Right),
        ])
    });
    let widths = [Constraint::Min(10), Constraint::Length(10), Constraint::Length(7)];
    let table =
        Table::new(cells, widths).block(Block::bordered().title(Span::styled(" Tools ", theme.title())));
    frame.render_widget(table, area);
}
