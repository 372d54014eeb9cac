//! What `top` is told on the command line.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use teiten::top::{self, Endpoint};

/// Ways to call it.
pub(super) const TOP_EXAMPLES: &str = "Examples:
  teiten top
  teiten top --url https://sensor.example:10023 --user analyst --password-file ~/.teiten-password
  teiten top --once | head -20

Keys: `?` explains them. Without a terminal, and with --plain, it prints a table for each new answer.";

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which sensor `top` looks at, and how.
#[derive(Args, Debug)]
pub struct TopArguments {
    /// Where the sensor serves
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:10023")]
    pub url: Endpoint,
    /// How often it is asked, as in "2s"
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = interval)]
    pub interval: Duration,
    /// User of the sensor's basic authentication
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// File with that user's password
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// Certificates to trust instead of the usual authorities, PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Print text instead of drawing on the terminal
    #[arg(long)]
    pub plain: bool,
    /// Print one answer as text, and end
    #[arg(long)]
    pub once: bool,
    /// When to use colours
    #[arg(long, value_enum, default_value_t)]
    pub color: ColourChoice,
}

impl TopArguments {
    /// The arguments in the form that the view takes.
    pub fn into_options(self) -> top::Options {
        let colours = match self.color {
            ColourChoice::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            ColourChoice::Always => true,
            ColourChoice::Never => false,
        };
        top::Options {
            endpoint: self.url,
            credentials: self.user.zip(self.password_file),
            authority: self.ca_file,
            interval: self.interval,
            plain: self.plain,
            once: self.once,
            colours,
        }
    }
}

/// A span from 100 ms to an hour: less would be an attack, more no live view.
fn interval(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no time between 100ms and 1h: write it as in \"2s\"");
    let span: jiff::SignedDuration = text.parse().map_err(|_| bad())?;
    let span = Duration::try_from(span).map_err(|_| bad())?;
    if (Duration::from_millis(100)..=Duration::from_hours(1)).contains(&span) {
        Ok(span)
    } else {
        Err(bad())
    }
}
