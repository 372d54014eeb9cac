//! A wire of a test's own.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    thread,
};

use libtest_mimic::Failed;
use nix::sched::{CloneFlags, setns};
use sensor_lab::sender::{Limit, Pace, Queueing, Sender, Sent};

pub(crate) const NAMESPACE: &str = "teiten-lab-test";

/// The sending end, and the end where frames arrive.
pub(crate) const TX: &str = "tx";

pub(crate) const RX: &str = "rx";

/// A veth pair in a namespace that is removed with it.
pub(crate) struct Wire {
    namespace: &'static str,
}

impl Wire {
    pub(crate) fn new() -> Result<Self, Failed> {
        // What a killed run left behind.
        let _ = Command::new("ip").args(["netns", "delete", NAMESPACE]).output();
        run(Command::new("ip").args(["netns", "add", NAMESPACE]))?;
        // From here on a failure removes it.
        let wire = Self { namespace: NAMESPACE };
        wire.enter(|| {
            // Neighbour discovery would add packets.
            fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")?;
            fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
        })?;
        for line in [
            "link add name tx address 02:00:00:00:00:01 mtu 3500 type veth peer name rx address 02:00:00:00:00:02 mtu 3500",
            "link set dev rx up",
            "link set dev tx up",
            "address add 192.0.2.1/24 dev tx",
            "neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev tx nud permanent",
            "route add 198.51.100.0/24 via 192.0.2.2",
        ] {
            run(wire.command("ip").args(line.split(' ')))?;
        }
        Ok(wire)
    }

    /// Runs a closure in the namespace, in a thread of its own.
    pub(crate) fn enter<T: Send, E: Into<Failed> + Send>(
        &self,
        closure: impl FnOnce() -> Result<T, E> + Send,
    ) -> Result<T, Failed> {
        let namespace = File::open(Path::new("/run/netns").join(self.namespace))?;
        let inside = || {
            setns(&namespace, CloneFlags::CLONE_NEWNET).map_err(|error| Failed::from(error.desc()))?;
            closure().map_err(Into::into)
        };
        thread::scope(|scope| scope.spawn(inside).join()).unwrap_or_else(|_| Err("it panicked".into()))
    }

    /// A command that runs in the namespace.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.namespace, program]);
        command
    }

    /// Sends what `next` makes.
    pub(crate) fn send(
        &self,
        queueing: Queueing,
        pace: Pace,
        limit: Limit,
        next: impl FnMut(&mut Vec<u8>) -> bool + Send,
    ) -> Result<Sent, Failed> {
        self.enter(|| Sender::open(TX, queueing)?.send(next, pace, limit))
    }

    /// Packets that `rx` has received.
    pub(crate) fn received(&self) -> Result<u64, Failed> {
        let table = self.enter(|| fs::read_to_string("/proc/thread-self/net/dev"))?;
        table
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("rx:"))
            .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .ok_or_else(|| "rx is not in the table of interfaces".into())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Err(failed) = run(Command::new("ip").args(["netns", "delete", self.namespace])) {
            eprintln!(
                "warning: {} is left behind: {:?}",
                self.namespace,
                failed.message()
            );
        }
    }
}

/// Runs a command to its end; what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(printed)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{command:?} failed: {printed}{said}").into())
    }
}
