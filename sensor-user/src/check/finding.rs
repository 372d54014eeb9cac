//! What a check found, and how it is shown.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// The sensor runs, and something is worse than it could be.
    Warning,
    /// The sensor does not run.
    Error,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "ERROR",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check: a fixed word.
    pub check: &'static str,
    /// The interface, file or prefix that it is about; none for the host as a whole.
    pub subject: Option<String>,
    /// How bad it is.
    pub state: State,
    /// What was found, and what follows from it.
    pub message: String,
    /// The command that mends it; there is one for whatever is not ok.
    pub cure: Option<String>,
}

impl Finding {
    /// As it should be.
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            subject: None,
            state: State::Ok,
            message: message.into(),
            cure: None,
        }
    }

    /// Worse than it could be.
    pub(super) fn warning(check: &'static str, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            cure: Some(cure.into()),
            ..Self::ok(check, message)
        }
    }

    /// The sensor does not run so.
    pub(super) fn error(check: &'static str, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            state: State::Error,
            ..Self::warning(check, message, cure)
        }
    }

    /// The same, about this.
    pub(super) fn of(self, subject: impl Into<String>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..self
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {}", self.state, self.check)?;
        if let Some(subject) = &self.subject {
            write!(f, " ({})", subject.escape_debug())?;
        }
        write!(f, ": {}", self.message)?;
        match &self.cure {
            Some(cure) => write!(f, "\n         {cure}"),
            None => Ok(()),
        }
    }
}

/// All that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of this format: keys are added and never renamed.
    pub schema: u32,
    /// Whether there is no error.
    pub fit: bool,
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(findings: Vec<Finding>) -> Self {
        Self {
            schema: 1,
            fit: findings.iter().all(|finding| finding.state != State::Error),
            findings,
        }
    }

    /// What keeps the sensor from running.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.state == State::Error)
    }

    /// What is worse than it could be.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.state == State::Warning)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let counted = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        let errors = counted(self.errors().count(), "error");
        let warnings = counted(self.warnings().count(), "warning");
        let fit = if self.fit { "fit" } else { "not fit" };
        write!(f, "this host is {fit} for the sensor: {errors}, {warnings}")
    }
}
