//! How the view looks on a terminal: colours, and which letters there are.

use ratatui::style::{Color, Modifier, Style};

/// How things look.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    colours: bool,
    pub(super) utf8: bool,
}

impl Theme {
    /// With or without colours, and letters beyond ASCII.
    pub fn new(colours: bool, utf8: bool) -> Self {
        Self { colours, utf8 }
    }

    pub(super) fn colour(self, colour: Color) -> Style {
        if self.colours {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    pub(super) fn good(self) -> Style {
        self.colour(Color::Green)
    }

    pub(super) fn bad(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn title(self) -> Style {
        self.colour(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(super) fn quiet(self) -> Style {
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
