//! Questions to a running Prometheus.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

use crate::daemon::Web;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The interface of a Prometheus, or of what speaks like one, by which it is asked.
#[derive(Debug)]
pub struct Api {
    url: String,
    client: ureq::Agent,
    authorization: Option<String>,
}

impl Api {
    /// That of the Prometheus which listens at an address.
    #[must_use]
    pub fn of(address: &str) -> Self {
        Self {
            url: format!("http://{address}/api/v1"),
            client: client().build().into(),
            authorization: None,
        }
    }

    /// The same over TLS, with a password.
    ///
    /// # Errors
    /// The authority's certificate cannot be read.
    pub fn over_tls(address: &str, web: &Web) -> Result<Self> {
        Ok(Self {
            url: format!("https://{address}/api/v1"),
            client: client().tls_config(web.trust()?).build().into(),
            authorization: Some(web.authorization()),
        })
    }

    /// The rows of an expression now.
    ///
    /// # Errors
    /// Prometheus does not answer, or finds fault with the expression.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        self.ask("query", &[("query", expression)])
    }

    /// The rows of an expression at a moment, in seconds since the epoch.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn query_at(&self, expression: &str, time: f64) -> Result<Vec<Value>> {
        self.ask("query", &[("query", expression), ("time", &time.to_string())])
    }

    /// The curves of an expression over a time, with a point for each `step` seconds.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn query_range(&self, expression: &str, [from, to]: [f64; 2], step: f64) -> Result<Vec<Value>> {
        let [from, to, step] = [from, to, step].map(|seconds| seconds.to_string());
        self.ask(
            "query_range",
            &[
                ("query", expression),
                ("start", &from),
                ("end", &to),
                ("step", &step),
            ],
        )
    }

    fn ask(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Result<Vec<Value>> {
        let mut question = self
            .client
            .get(format!("{}/{endpoint}", self.url))
            .query_pairs(parameters.iter().copied());
        if let Some(value) = &self.authorization {
            question = question.header("Authorization", value);
        }
        let text = question
            .call()
            .and_then(|mut answer| answer.body_mut().with_config().limit(64 << 20).read_to_string())
            .context("Prometheus does not answer")?;
        let mut answer: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        ensure!(
            answer["status"] == "success",
            "Prometheus refuses the expression: {text}"
        );
        match answer["data"]["result"].take() {
            Value::Array(rows) => Ok(rows),
            other => bail!("Prometheus answers with {other}, which are no rows"),
        }
    }
}

fn client() -> ConfigBuilder<AgentScope> {
    ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
}
