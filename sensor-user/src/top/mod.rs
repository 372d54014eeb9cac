//! The live view, `teiten top`: what a sensor says of itself at `/api/v1/snapshot`, on a terminal.
//!
//! `source` asks the sensor, `picture` is what it answers, `history` turns answers into rates, `view` picks
//! the rows, `state` is what the keys change; `screen` draws for a terminal and `text` writes for a pipe.

mod ended;
mod figures;
mod history;
mod picture;
mod screen;
mod source;
mod state;
mod text;
mod view;

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use nix::sys::signal::{Signal, raise};
use ratatui::crossterm::event::{self, Event, KeyEventKind};

pub use self::source::{BadAddress, Endpoint};
use self::{
    history::History,
    picture::Picture,
    source::{Answers, Source},
    state::{Flow, State},
    view::View,
};

/// How long the view waits for a key before it looks for an answer of the sensor.
const KEY_PATIENCE: Duration = Duration::from_millis(100);
/// Rows of a table in a pipe.
const TEXT_ROWS: usize = 10;

/// What to show, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which sensor.
    pub endpoint: Endpoint,
    /// The user and the file with the password, where the sensor asks for them.
    pub credentials: Option<(String, PathBuf)>,
    /// Certificates to trust beside the usual authorities, PEM.
    pub authority: Option<PathBuf>,
    /// How often the sensor is asked.
    pub interval: Duration,
    /// Plain text instead of a screen, as when the output is no terminal.
    pub plain: bool,
    /// End after the first answer.
    pub once: bool,
    /// Colours on the screen.
    pub colours: bool,
}

/// Shows the sensor until the user has seen enough.
///
/// # Errors
/// The credentials or certificates cannot be read; the terminal fails; with `once` the sensor does not answer.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let source = Source::new(options)?;
    if options.once || options.plain || !stdout().is_terminal() {
        return print(&source, options);
    }
    let told_to_end = ended::watch().context("signals cannot be watched for")?;
    let answers = source.ask_every(options.interval);
    let mut terminal = ratatui::try_init().context("the terminal cannot be drawn on: try `--plain`")?;
    let shown = interact(&mut terminal, &answers, &told_to_end, options);
    ratatui::restore();
    if shown? == Flow::Interrupt {
        // The key was no signal here; whoever started this has to see one.
        raise(Signal::SIGINT).context("ending as interrupted")?;
    }
    Ok(())
}

/// The text mode: one table an answer that is new.
fn print(source: &Source, options: &Options) -> anyhow::Result<()> {
    let mut history = History::default();
    let mut failing = false;
    loop {
        match source.ask() {
            Ok(picture) => {
                failing = false;
                if history.push(picture) {
                    let view = View::new(&history, &State::default(), TEXT_ROWS);
                    let mut out = stdout().lock();
                    // A reader that has seen enough, as `head` has, is no failure.
                    if text::write(&view, &mut out).and_then(|()| out.flush()).is_err() {
                        return Ok(());
                    }
                }
            }
            Err(error) if options.once => return Err(error.into()),
            // Said once, not at every try.
            Err(error) if !failing => {
                failing = true;
                eprintln!("teiten: {error}");
            }
            Err(_) => {}
        }
        if options.once {
            return Ok(());
        }
        std::thread::sleep(options.interval);
    }
}

/// The screen: draws after each answer and each key. Says how it was left.
fn interact(
    terminal: &mut ratatui::DefaultTerminal,
    answers: &Answers,
    told_to_end: &AtomicBool,
    options: &Options,
) -> anyhow::Result<Flow> {
    let theme = screen::Theme::new(options.colours, screen::is_utf8());
    let mut state = State::new(options.endpoint.to_string());
    let mut history = History::default();
    let mut latest: Option<Picture> = None;
    loop {
        while let Some(answer) = answers.next() {
            match answer {
                Ok(picture) => {
                    state.failure = None;
                    latest = Some(picture);
                }
                Err(error) => state.failure = Some(error.to_string()),
            }
        }
        // A paused view keeps its rows; what arrives meanwhile is shown when it goes on.
        if !state.paused
            && let Some(picture) = latest.take()
        {
            history.push(picture);
        }
        let view = View::new(&history, &state, usize::MAX);
        terminal
            .draw(|frame| screen::draw(frame, &view, &mut state, theme))
            .context("drawing on the terminal")?;
        if event::poll(KEY_PATIENCE).context("reading the keyboard")?
            && let Event::Key(key) = event::read().context("reading the keyboard")?
            && key.kind == KeyEventKind::Press
        {
            match state.key(key, &view) {
                Flow::Stay => {}
                left => return Ok(left),
            }
        }
        if told_to_end.load(Ordering::Relaxed) {
            return Ok(Flow::Leave);
        }
    }
}
