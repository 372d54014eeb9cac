//! What the daemon is asked over HTTP, and what it answers.

use std::time::Duration;

use super::{Daemon, DaemonError, Snapshot, child::LISTEN, error::system};

/// How long it may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rows that hold every port of TCP and UDP, which is the longest list.
const EVERY_PORT: usize = 1 << 17;

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the daemon calls itself ready.
    pub ready: bool,
    /// What it says.
    pub text: String,
}

impl Daemon<'_> {
    /// Its last totals, with at most `rows` of each list.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub fn snapshot(&self, rows: usize) -> Result<Snapshot, DaemonError> {
        let text = self.snapshot_text(rows)?;
        serde_json::from_str(&text).map_err(|error| DaemonError::Answer {
            path: snapshot_path(rows),
            cause: error.to_string(),
        })
    }

    /// Its last totals as it gives them, with at most `rows` rows of each list.
    ///
    /// # Errors
    /// As [`Self::snapshot`].
    pub fn snapshot_text(&self, rows: usize) -> Result<String, DaemonError> {
        let path = snapshot_path(rows);
        let (status, text) = self.get(&path)?;
        if status != 200 {
            let cause = format!("status {status}, {text}");
            return Err(DaemonError::Answer { path, cause });
        }
        Ok(text)
    }

    /// Its last totals with every row.
    ///
    /// # Errors
    /// As [`Self::snapshot`].
    pub fn whole_snapshot(&self) -> Result<Snapshot, DaemonError> {
        self.snapshot(EVERY_PORT)
    }

    /// What it thinks of itself.
    ///
    /// # Errors
    /// It does not answer.
    pub fn readiness(&self) -> Result<Readiness, DaemonError> {
        let (status, text) = self.get("/readyz")?;
        Ok(Readiness {
            ready: status == 200,
            text,
        })
    }

    fn get(&self, path: &str) -> Result<(u16, String), DaemonError> {
        let scheme = if self.web.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{LISTEN}{path}");
        let ask = || {
            let mut agent = ureq::Agent::config_builder()
                .timeout_global(Some(PATIENCE))
                .http_status_as_error(false);
            let mut authorization = None;
            if let Some(web) = &self.web {
                agent = agent.tls_config(web.trust()?);
                authorization = Some(web.authorization());
            }
            let agent: ureq::Agent = agent.build().into();
            let mut question = agent.get(&url);
            if let Some(value) = authorization {
                question = question.header("Authorization", value);
            }
            let mut answer = question.call()?;
            let status = answer.status().as_u16();
            let text = answer.body_mut().with_config().limit(64 << 20).read_to_string()?;
            Ok((status, text))
        };
        self.namespace
            .enter(ask)
            .map_err(system("the daemon's namespace cannot be entered"))?
            .map_err(|source: ureq::Error| DaemonError::Silent {
                path: path.to_owned(),
                source: Box::new(source),
                log: self.log.text(),
            })
    }

    /// Its metrics, as Prometheus gets them.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub fn metrics(&self) -> Result<String, DaemonError> {
        match self.get("/metrics")? {
            (200, text) => Ok(text),
            (status, text) => Err(DaemonError::Answer {
                path: "/metrics".to_owned(),
                cause: format!("status {status}, {text}"),
            }),
        }
    }
}

fn snapshot_path(rows: usize) -> String {
    format!("/api/v1/snapshot?limit={rows}")
}
