//! Who hears of alerts: a web hook that keeps what Alertmanager says.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use serde::Deserialize;

use super::http::{Request, Server};

/// An alert as a message has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Alert {
    /// The path of the web hook: which receiver of Alertmanager's configuration got it.
    #[serde(skip)]
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its texts.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Alert {
    /// A label's value; empty without one.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// A message, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Message {
    alerts: Vec<Alert>,
}

/// A receiver of Alertmanager's messages.
#[derive(Debug)]
pub struct Receiver {
    alerts: Arc<Mutex<Vec<Alert>>>,
    server: Server,
}

impl Receiver {
    /// Listens on loopback, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// No port is free.
    pub fn start() -> Result<Self> {
        let alerts = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&alerts);
        let server = Server::start(move |request| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            for alert in firing(request) {
                // A message repeats what still fires, with the figures of its own moment in the texts.
                let is_known =
                    |known: &Alert| (&known.receiver, &known.labels) == (&alert.receiver, &alert.labels);
                if !kept.iter().any(is_known) {
                    kept.push(alert);
                }
            }
            String::new()
        })?;
        Ok(Self { alerts, server })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Every alert that fired so far, once for each receiver, in the order in which they came.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        self.alerts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The firing alerts of one message. What is no message has none.
fn firing(request: &Request) -> Vec<Alert> {
    let message: Option<Message> = serde_json::from_slice(&request.body).ok();
    let alerts = message.map_or_else(Vec::new, |message| message.alerts);
    alerts
        .into_iter()
        .filter(|alert| alert.status == "firing")
        .map(|alert| Alert {
            receiver: request.path.clone(),
            ..alert
        })
        .collect()
}
