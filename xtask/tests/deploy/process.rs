//! Servers of metrics as child processes, and what they answer.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sensor_lab::stack::Api;

/// How long a process may take until it answers, and the samples until they are there.
pub(crate) const START: Duration = Duration::from_mins(1);

/// A process that is killed when this is dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program; what it says is not kept.
    pub(crate) fn start(program: &str, arguments: &[String]) -> Result<Self> {
        let child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Self(child.with_context(|| format!("{program} cannot be run"))?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Three addresses on loopback whose ports nobody has.
pub(crate) fn free_addresses() -> Result<[String; 3]> {
    let listeners = [
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    ];
    let mut addresses = [const { String::new() }; 3];
    for (address, listener) in addresses.iter_mut().zip(&listeners) {
        *address = listener.local_addr()?.to_string();
    }
    Ok(addresses)
}

/// Waits until somebody listens at an address.
pub(crate) fn await_answer(address: &str) -> Result<()> {
    let end = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        ensure!(
            Instant::now() < end,
            "nobody answered at {address} within {START:?}"
        );
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The figures of an expression at a moment, by their labels.
pub(crate) fn ask(server: &Api, query: &str, time: f64) -> Result<BTreeMap<String, f64>> {
    let mut figures = BTreeMap::new();
    for row in server.query_at(query, time)? {
        // The name is lost or kept by rules of each server's own.
        let mut labels = row["metric"].clone();
        if let Some(labels) = labels.as_object_mut() {
            labels.remove("__name__");
        }
        let value = row["value"][1].as_str().context("no value")?.parse()?;
        figures.insert(labels.to_string(), value);
    }
    Ok(figures)
}
