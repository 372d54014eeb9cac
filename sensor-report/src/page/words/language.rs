//! The languages of reports.

/// A language that reports are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Japanese.
    #[value(name = "ja")]
    Japanese,
    /// English.
    #[value(name = "en")]
    English,
}

impl Language {
    /// Its tag of BCP 47, which is part of the names of files.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Japanese => "ja",
            Self::English => "en",
        }
    }

    /// One text or the other.
    pub(crate) const fn either<T: Copy>(self, japanese: T, english: T) -> T {
        match self {
            Self::Japanese => japanese,
            Self::English => english,
        }
    }
}
