//! What the keys change.

use std::{fmt, str::FromStr};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    history::{Counted, Key},
    view::View,
};

/// The longest filter that can be typed.
const FILTER_LETTERS: usize = 16;
/// Rows that a page key moves.
const PAGE: usize = 10;

/// What the column of figures shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Packets a second.
    #[default]
    Rate,
    /// Packets since the sensor began.
    Total,
}

/// What rows are sorted by, the most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The figure that is shown.
    #[default]
    Packets,
    /// The same of packets with the Mirai mark.
    Mirai,
    /// Unique sources.
    Sources,
    /// The name, the least first.
    Name,
}

impl Sort {
    /// As the key line says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Mirai => "Mirai",
            Self::Sources => "sources",
            Self::Name => "name",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Packets => Self::Mirai,
            Self::Mirai => Self::Sources,
            Self::Sources => Self::Name,
            Self::Name => Self::Packets,
        }
    }
}

/// The table that the arrow keys move in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panel {
    /// Destination ports.
    #[default]
    Ports,
    /// Source regions.
    Regions,
}

/// Which rows are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// One port, of one transport or of each.
    Port(Option<String>, u16),
    /// One source region.
    Region(String),
    /// Packets with the Mirai mark.
    Mirai,
}

/// A filter that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no filter: write a port (23 or 23/tcp), a region (JP) or mirai")]
pub struct BadFilter;

impl FromStr for Filter {
    type Err = BadFilter;

    fn from_str(text: &str) -> Result<Self, BadFilter> {
        let text = text.trim().to_ascii_lowercase();
        if text == "mirai" {
            return Ok(Self::Mirai);
        }
        if text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            return Ok(Self::Region(text.to_ascii_uppercase()));
        }
        let (port, transport) = match text.split_once('/') {
            Some((port, transport)) if ["tcp", "udp", "icmp"].contains(&transport) => (port, Some(transport)),
            Some(_) => return Err(BadFilter),
            None => (text.as_str(), None),
        };
        let port = port.parse().map_err(|_| BadFilter)?;
        Ok(Self::Port(transport.map(str::to_owned), port))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(Some(transport), port) => write!(formatter, "port {port}/{transport}"),
            Self::Port(None, port) => write!(formatter, "port {port}"),
            Self::Region(region) => write!(formatter, "region {region}"),
            Self::Mirai => formatter.write_str("Mirai"),
        }
    }
}

/// Whether the view goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Stay,
    /// The user has seen enough.
    Leave,
    /// The user wants whatever runs on this terminal to end.
    Interrupt,
}

/// What the keys have changed.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The sensor's address, as it is shown.
    pub endpoint: String,
    /// What the figures are.
    pub measure: Measure,
    /// The order of rows.
    pub sort: Sort,
    /// Which rows.
    pub filter: Option<Filter>,
    /// New answers wait.
    pub paused: bool,
    /// The keys are explained.
    pub help: bool,
    /// A filter that is being typed.
    pub typing: Option<String>,
    /// What was wrong with the last one.
    pub complaint: Option<String>,
    /// Where the arrow keys move.
    pub panel: Panel,
    /// The chosen row of ports and of regions.
    pub selected: [usize; 2],
    /// Why the sensor gives no answer.
    pub failure: Option<String>,
}

impl State {
    /// Nothing pressed yet.
    pub fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            ..Self::default()
        }
    }

    /// Which packets the figures are of.
    pub fn counted(&self) -> Counted {
        match self.filter {
            Some(Filter::Mirai) => Counted::Mirai,
            _ => Counted::Packets,
        }
    }

    /// What a key does. `view` is what the user saw when it was pressed.
    pub fn key(&mut self, key: KeyEvent, view: &View<'_>) -> Flow {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Flow::Interrupt;
        }
        if self.typing.is_some() {
            self.type_filter(key.code);
            return Flow::Stay;
        }
        if self.help {
            self.help = false;
            return Flow::Stay;
        }
        self.complaint = None;
        match key.code {
            KeyCode::Char('q') => return Flow::Leave,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('r') => {
                self.measure = match self.measure {
                    Measure::Rate => Measure::Total,
                    Measure::Total => Measure::Rate,
                }
            }
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('m') => self.toggle(Filter::Mirai),
            KeyCode::Char('/') => self.typing = Some(String::new()),
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Esc => self.set_filter(None),
            KeyCode::Tab | KeyCode::BackTab => {
                self.panel = match self.panel {
                    Panel::Ports => Panel::Regions,
                    Panel::Regions => Panel::Ports,
                }
            }
            KeyCode::Enter => self.pick(view),
            KeyCode::Up | KeyCode::Char('k') => self.step(view, -1),
            KeyCode::Down | KeyCode::Char('j') => self.step(view, 1),
            KeyCode::PageUp => self.step(view, -PAGE.cast_signed()),
            KeyCode::PageDown => self.step(view, PAGE.cast_signed()),
            KeyCode::Home => self.selected[self.panel as usize] = 0,
            KeyCode::End => self.selected[self.panel as usize] = self.rows(view).saturating_sub(1),
            _ => {}
        }
        Flow::Stay
    }

    fn type_filter(&mut self, key: KeyCode) {
        let Some(text) = &mut self.typing else {
            return;
        };
        match key {
            KeyCode::Char(letter) if text.len() < FILTER_LETTERS && letter.is_ascii_graphic() => {
                text.push(letter);
            }
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Esc => self.typing = None,
            KeyCode::Enter => {
                let text = self.typing.take().unwrap_or_default();
                if text.is_empty() {
                    return self.set_filter(None);
                }
                match text.parse() {
                    Ok(filter) => self.set_filter(Some(filter)),
                    Err(error) => self.complaint = Some(BadFilter::to_string(&error)),
                }
            }
            _ => {}
        }
    }

    fn set_filter(&mut self, filter: Option<Filter>) {
        self.filter = filter;
        self.selected = [0, 0];
        self.complaint = None;
    }

    fn toggle(&mut self, filter: Filter) {
        let now = (self.filter.as_ref() != Some(&filter)).then_some(filter);
        self.set_filter(now);
    }

    /// The chosen row becomes the filter: a port shows its regions, a region its ports.
    fn pick(&mut self, view: &View<'_>) {
        let rows = match self.panel {
            Panel::Ports => &view.ports,
            Panel::Regions => &view.regions,
        };
        let Some(row) = rows.get(self.selected[self.panel as usize]) else {
            return;
        };
        let filter = match (&row.key, self.panel) {
            (Key::Port(transport, port) | Key::Pair(transport, port, _), Panel::Ports) => {
                Filter::Port(Some(transport.clone()), *port)
            }
            (Key::Region(region) | Key::Pair(_, _, region), _) => Filter::Region(region.clone()),
            _ => return,
        };
        self.set_filter(Some(filter));
    }

    fn rows(&self, view: &View<'_>) -> usize {
        match self.panel {
            Panel::Ports => view.ports.len(),
            Panel::Regions => view.regions.len(),
        }
    }

    fn step(&mut self, view: &View<'_>, by: isize) {
        let last = self.rows(view).saturating_sub(1);
        let selected = &mut self.selected[self.panel as usize];
        *selected = selected.saturating_add_signed(by).min(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::history::History;

    fn press(state: &mut State, codes: &[KeyCode]) -> Flow {
        let history = History::default();
        let mut flow = Flow::Stay;
        for code in codes {
            let view = View::new(&history, state, usize::MAX);
            flow = state.key(KeyEvent::from(*code), &view);
        }
        flow
    }

    fn typed(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn a_filter_is_a_port_a_region_or_mirai() {
        for (text, filter) in [
            ("23", Filter::Port(None, 23)),
            ("5060/UDP", Filter::Port(Some("udp".into()), 5060)),
            (" jp ", Filter::Region("JP".into())),
            ("Mirai", Filter::Mirai),
        ] {
            assert_eq!(text.parse(), Ok(filter), "{text}");
        }
        for text in ["", "65536", "-1", "23/sctp", "J1", "zmap", "é9"] {
            assert_eq!(text.parse::<Filter>(), Err(BadFilter), "{text}");
        }
    }

    #[test]
    fn keys_that_are_typed_into_a_filter_are_no_commands() {
        let mut state = State::default();
        let mut keys = vec![KeyCode::Char('/')];
        keys.extend(typed("qr"));
        assert_eq!(press(&mut state, &keys), Flow::Stay);
        assert_eq!(state.typing.as_deref(), Some("qr"));
        press(
            &mut state,
            &[
                KeyCode::Backspace,
                KeyCode::Backspace,
                KeyCode::Char('j'),
                KeyCode::Char('p'),
                KeyCode::Enter,
            ],
        );
        assert_eq!(state.filter, Some(Filter::Region("JP".into())));
        press(&mut state, &[KeyCode::Esc]);
        assert_eq!(state.filter, None);
    }

    #[test]
    fn a_wrong_filter_is_explained_and_changes_nothing() {
        let mut state = State::default();
        let mut keys = vec![KeyCode::Char('m'), KeyCode::Char('/')];
        keys.extend(typed("nonsense"));
        keys.push(KeyCode::Enter);
        press(&mut state, &keys);
        assert_eq!(state.filter, Some(Filter::Mirai));
        assert!(
            state
                .complaint
                .as_deref()
                .is_some_and(|text| text.contains("23/tcp"))
        );
    }

    #[test]
    fn a_typed_filter_is_bounded() {
        let mut state = State::default();
        let mut keys = vec![KeyCode::Char('/')];
        keys.extend(typed(&"9".repeat(1000)));
        press(&mut state, &keys);
        assert_eq!(state.typing.map(|text| text.len()), Some(FILTER_LETTERS));
    }

    #[test]
    fn the_sort_order_comes_round() {
        let mut state = State::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(state.sort.name());
            press(&mut state, &[KeyCode::Char('s')]);
        }
        assert_eq!(seen, ["packets", "Mirai", "sources", "name"]);
        assert_eq!(state.sort, Sort::Packets);
    }

    #[test]
    fn leaving_takes_q_or_control_c() {
        assert_eq!(press(&mut State::default(), &[KeyCode::Char('q')]), Flow::Leave);
        let history = History::default();
        let mut state = State::default();
        let view = View::new(&history, &State::default(), usize::MAX);
        let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(state.key(key, &view), Flow::Interrupt);
    }
}
