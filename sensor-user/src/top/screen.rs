//! Draws the view on a terminal.

use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph, Row as Cells, Table, TableState},
};

use super::{
    figures,
    state::{Measure, Panel, State},
    view::{Row, View},
};

/// Narrower than this there is room for one table only.
const TWO_TABLES: u16 = 64;
/// Lower than this tools and classes are left out.
const SMALL_TABLES: u16 = 18;

const HELP: &str = "\
 q          leave
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

/// How things look.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    colours: bool,
    utf8: bool,
}

impl Theme {
    /// With or without colours, and letters beyond ASCII.
    pub fn new(colours: bool, utf8: bool) -> Self {
        Self { colours, utf8 }
    }

    fn colour(self, colour: Color) -> Style {
        if self.colours {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    fn good(self) -> Style {
        self.colour(Color::Green)
    }

    fn bad(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    fn title(self) -> Style {
        self.colour(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    fn quiet(self) -> Style {
        self.colour(Color::DarkGray)
    }
}

/// Whether the terminal's letters go beyond ASCII, as the usual variables say (POSIX, locale).
pub fn is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View<'_>, state: &mut State, theme: Theme) {
    let [title, health, body, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title_line(view, state, theme), title);
    frame.render_widget(health_line(view, state, theme), health);
    if body.width < TWO_TABLES {
        let panel = state.panel;
        draw_panel(frame, body, panel, view, state, theme);
    } else {
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(56), Constraint::Percentage(44)]).areas(body);
        draw_panel(frame, left, Panel::Ports, view, state, theme);
        draw_right(frame, right, view, state, theme);
    }
    frame.render_widget(key_line(state, theme), keys);
    if state.help {
        draw_help(frame, theme);
    }
}

fn title_line(view: &View<'_>, state: &State, theme: Theme) -> Line<'static> {
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
    Line::from(vec![
        Span::styled(format!(" {} ", picture.sensor), theme.title()),
        Span::raw(format!(
            " {}  up {}  seen {}  {}/s",
            picture.xdp_mode,
            figures::span(up),
            figures::grouped(picture.seen),
            figures::rate(view.seen_rate()),
        )),
    ])
}

fn health_line(view: &View<'_>, state: &State, theme: Theme) -> Line<'static> {
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

fn key_line(state: &State, theme: Theme) -> Line<'static> {
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
    spans.push(Span::styled(
        format!(
            " q quit  p pause  r {measure}  s sort: {}  / filter  Tab, Enter  ? help",
            state.sort.name()
        ),
        theme.quiet(),
    ));
    Line::from(spans)
}

fn draw_right(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, state: &mut State, theme: Theme) {
    if area.height < SMALL_TABLES {
        return draw_panel(frame, area, Panel::Regions, view, state, theme);
    }
    let [regions, small] =
        Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(area);
    draw_panel(frame, regions, Panel::Regions, view, state, theme);
    let [tools, classes] =
        Layout::horizontal([Constraint::Percentage(58), Constraint::Percentage(42)]).areas(small);
    draw_small(frame, tools, " Tools ", &view.tools, theme);
    draw_small(frame, classes, " Classes ", &view.classes, theme);
}

/// One of the two tables that keys move in.
fn draw_panel(
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
    let mut widths = vec![Constraint::Min(10), Constraint::Length(10), Constraint::Length(5)];
    let mut header = vec![name, view.measure, "Mirai"];
    if with_sources {
        widths.push(Constraint::Length(8));
        header.push("sources");
    }
    let used: u16 = if with_sources { 39 } else { 30 };
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

fn draw_small(frame: &mut Frame<'_>, area: Rect, title: &'static str, rows: &[Row], theme: Theme) {
    let cells = rows.iter().map(|row| {
        Cells::new([
            Line::from(row.name.clone()),
            Line::from(row.figure.clone()).alignment(Alignment::Right),
        ])
    });
    let table = Table::new(cells, [Constraint::Min(4), Constraint::Length(7)])
        .block(Block::bordered().title(Span::styled(title, theme.title())));
    frame.render_widget(table, area);
}

fn draw_help(frame: &mut Frame<'_>, theme: Theme) {
    let lines = u16::try_from(HELP.lines().count()).unwrap_or(u16::MAX);
    let area = frame
        .area()
        .centered(Constraint::Max(52), Constraint::Max(lines.saturating_add(2)));
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(Span::styled(" Keys ", theme.title()));
    frame.render_widget(Paragraph::new(HELP).block(block), area);
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;
    use crate::top::history::History;

    fn history() -> History {
        let mut history = History::default();
        for step in 1..4 {
            let picture = serde_json::from_value(serde_json::json!({
                "sensor": "tokyo-1", "xdp_mode": "native", "from": "2026-01-01T00:00:00Z",
                "to": format!("2026-01-01T01:0{step}:00Z"), "seen": 6_000_000 * step,
                "conservation": {"difference": 0, "observed": 5_999_999, "records_lost": 0},
                "classes": {"scan": 100 * step},
                "ports": (0..60).map(|port| serde_json::json!({"transport": "tcp", "port": port, "packets": 60_000 * step - port,
                    "mirai": 600, "sources": 12})).collect::<Vec<_>>(),
                "source_regions": [{"source_region": "JP", "packets": 6000 * step, "mirai": 3}],
                "tools": [{"tool": "mirai", "packets": 600}]
            }))
            .unwrap();
            assert!(history.push(picture));
        }
        history
    }

    fn screen(width: u16, height: u16, state: &mut State, utf8: bool) -> Vec<String> {
        let history = history();
        let view = View::new(&history, state, usize::MAX);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| draw(frame, &view, state, Theme::new(false, utf8)))
            .unwrap();
        let buffer = terminal.backend().buffer();
        (0..height)
            .map(|row| (0..width).map(|column| buffer[(column, row)].symbol()).collect())
            .collect()
    }

    #[test]
    fn everything_has_its_place_at_eighty_by_twenty_four() {
        let lines = screen(80, 24, &mut State::default(), true);
        assert!(
            lines[0].contains("tokyo-1  native  up 1 h 3 min  seen 18,000,000  100.0k/s"),
            "{}",
            lines[0]
        );
        assert!(lines[1].contains("conservation difference 0  observed 5,999,999"));
        let all = lines.join("\n");
        for text in [
            "Ports (60)",
            "Source regions (1)",
            "Tools",
            "Classes",
            "JP Japan",
            "1000",
            "? help",
        ] {
            assert!(all.contains(text), "{text}\n{all}");
        }
    }

    #[test]
    fn no_size_is_too_small_or_too_large() {
        for (width, height) in [(1, 1), (5, 2), (20, 5), (63, 10), (64, 17), (250, 80), (500, 3)] {
            for help in [false, true] {
                let mut state = State {
                    help,
                    ..State::default()
                };
                assert_eq!(screen(width, height, &mut state, true).len(), usize::from(height));
            }
        }
    }

    #[test]
    fn without_utf8_every_letter_of_the_tables_is_ascii() {
        let lines = screen(120, 24, &mut State::default(), false);
        let trends: String = lines[4..20].concat();
        // Borders are drawn by the terminal library; the trends are ours.
        assert!(!trends.chars().any(|letter| ('▁'..='█').contains(&letter)));
        assert!(trends.contains('#'));
    }

    #[test]
    fn a_row_far_down_is_scrolled_to() {
        let mut state = State {
            selected: [59, 0],
            ..State::default()
        };
        let all = screen(80, 24, &mut state, true).join("\n");
        assert!(all.contains("59/tcp") && !all.contains(" 1/tcp"), "{all}");
    }

    #[test]
    fn a_sensor_that_is_silent_is_said_and_the_last_picture_stays() {
        let mut state = State {
            failure: Some("no answer from http://x".into()),
            ..State::default()
        };
        let lines = screen(80, 24, &mut state, true);
        assert!(lines[1].contains("no answer from http://x"));
        assert!(lines.join("\n").contains("Ports (60)"));
    }
}
