//! Draws the view on a terminal.

mod lines;
mod tables;
mod theme;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Span,
    widgets::{Block, Clear, Paragraph},
};

use self::{
    lines::{class_line, health_line, key_line, title_line},
    tables::{draw_panel, draw_tools},
};
use super::{
    state::{Panel, State},
    view::View,
};

pub use self::theme::{Theme, is_utf8};

/// Narrower than this there is room for one table only.
const TWO_TABLES: u16 = 64;

/// Lower than this the tools are left out.
const WITH_TOOLS: u16 = 17;

const HELP: &str = " q          leave
 p, space   pause; what arrives meanwhile waits
 r          rates, or totals since the sensor began
 s          sort by packets, Mirai, sources, name
 Tab        from ports to regions and back
 arrows     choose a row (also j, k, PgUp, PgDn)
 Enter      a port: its regions; a region: its ports
 /          filter: 23, 5060/udp, JP, mirai
 m          packets with the Mirai mark alone
 Esc        no filter

 Ports count all packets; by port and region
 together, scans are counted.
 Sources: unique addresses of the last 60 minutes.

 Any key goes back.";

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View<'_>, state: &mut State, theme: Theme) {
    let [title, health, classes, body, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title_line(view, state, theme), title);
    frame.render_widget(health_line(view, state, theme), health);
    frame.render_widget(class_line(view, theme), classes);
    if body.width < TWO_TABLES {
        let panel = state.panel;
        draw_panel(frame, body, panel, view, state, theme);
    } else {
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(52), Constraint::Percentage(48)]).areas(body);
        draw_panel(frame, left, Panel::Ports, view, state, theme);
        draw_right(frame, right, view, state, theme);
    }
    frame.render_widget(key_line(state, theme), keys);
    if state.help {
        draw_help(frame, theme);
    }
}

fn draw_right(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, state: &mut State, theme: Theme) {
    if area.height < WITH_TOOLS {
        return draw_panel(frame, area, Panel::Regions, view, state, theme);
    }
    let [regions, tools] =
        Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(area);
    draw_panel(frame, regions, Panel::Regions, view, state, theme);
    draw_tools(frame, tools, view, theme);
}

fn draw_help(frame: &mut Frame<'_>, theme: Theme) {
    let lines = u16::try_from(HELP.lines().count()).unwrap_or(u16::MAX);
    let area = frame
        .area()
        .centered(Constraint::Max(56), Constraint::Max(lines.saturating_add(2)));
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(Span::styled(" Keys ", theme.title()));
    frame.render_widget(Paragraph::new(HELP).block(block), area);
}

#[cfg(test)]
mod tests;
