//! Sends frames out of an interface as they are, and knows how many the kernel took.

mod pace;
mod raw;

use std::{
    fs, io,
    num::NonZeroU32,
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use nix::net::if_::if_nametoindex;

use self::pace::Pacer;

/// How many frames go to the kernel in one call.
pub const BATCH_FRAMES: usize = 64;

/// How long a full device or queue is waited for before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before a refused frame is offered again.
const RETRY_AFTER: Duration = Duration::from_micros(50);

/// Whether frames pass the interface's queueing discipline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queueing {
    /// As all traffic does.
    #[default]
    Discipline,
    /// Straight to the driver (`PACKET_QDISC_BYPASS`): faster, and unfair to others.
    Bypass,
}

/// How fast to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the interface takes them.
    Unlimited,
    /// So many frames a second, evenly but for batches.
    PerSecond(NonZeroU32),
    /// The frames of [`Limit`] spread over this time.
    Within(Duration),
}

/// Where sending ends at the latest. Frames that were made are always sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Frames.
    pub frames: u64,
    /// Time since the first frame.
    pub time: Duration,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Frames that the kernel took.
    pub frames: u64,
    /// Bytes in them, without preamble and check sequence.
    pub bytes: u64,
    /// How often the device or its queue was full and a frame had to be offered again.
    pub retries: u64,
    /// By how much the device's transmit drops grew. A drop that was reported is also in
    /// [`retries`](Self::retries), and that frame was sent again; more drops than retries mean lost frames.
    pub device_drops: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why frames could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No such interface, or not in this namespace.
    #[error(
        "interface {name} cannot be found in this network namespace ({source}): check its name with `ip link`"
    )]
    NoInterface {
        /// The name asked for.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The socket could not be made.
    #[error("a raw socket on {name} was refused ({source}): it takes root, or CAP_NET_RAW in this namespace")]
    Socket {
        /// The interface.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refuses the frame whatever one does.
    #[error(
        "{name} refuses a frame of {bytes} bytes ({source}): \
         frames need at least 14 bytes and at most the interface's MTU and 14, and the interface has to be up"
    )]
    Refused {
        /// The interface.
        name: String,
        /// The frame's length.
        bytes: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// The device took nothing for a long time.
    #[error("{name} took no frame for {} seconds: is its other end up, and is anybody reading it?", PATIENCE.as_secs())]
    Stuck {
        /// The interface.
        name: String,
    },
}

/// A raw socket on one interface, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct Sender {
    socket: OwnedFd,
    interface: String,
    batch: Vec<Vec<u8>>,
}

impl Sender {
    /// Opens a socket on `interface`, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// When there is no such interface, or raw sockets are not allowed.
    pub fn open(interface: &str, queueing: Queueing) -> Result<Self, SendError> {
        let index = if_nametoindex(interface).map_err(|error| SendError::NoInterface {
            name: interface.to_owned(),
            source: error.into(),
        })?;
        let socket = raw::open(index, queueing == Queueing::Bypass).map_err(|source| SendError::Socket {
            name: interface.to_owned(),
            source,
        })?;
        Ok(Self {
            socket,
            interface: interface.to_owned(),
            batch: vec![Vec::new(); BATCH_FRAMES],
        })
    }

    /// Sends what `next` writes into its buffer until it returns `false` or the limit is reached. Every frame
    /// that `next` wrote has been taken by the kernel when this returns well.
    ///
    /// # Errors
    /// When the kernel refuses a frame, or takes none for ten seconds; some frames may have been sent before.
    pub fn send(
        &mut self,
        mut next: impl FnMut(&mut Vec<u8>) -> bool,
        pace: Pace,
        limit: Limit,
    ) -> Result<Sent, SendError> {
        let drops_before = self.device_drops();
        let start = Instant::now();
        let pacer = Pacer::new(start, pace, limit.frames);
        let mut sent = Sent::default();
        let mut more = true;
        while more && sent.frames < limit.frames && start.elapsed() < limit.time {
            pacer.wait(sent.frames);
            let left = usize::try_from(limit.frames - sent.frames).unwrap_or(usize::MAX);
            let room = pacer.batch_frames().min(left);
            let mut filled = 0;
            while filled < room && more {
                more = next(&mut self.batch[filled]);
                filled += usize::from(more);
            }
            self.send_batch(filled, &mut sent)?;
        }
        sent.elapsed = start.elapsed();
        sent.device_drops = self.device_drops().saturating_sub(drops_before);
        Ok(sent)
    }

    /// Offers the first `filled` frames of the batch until the kernel has taken each.
    fn send_batch(&self, filled: usize, sent: &mut Sent) -> Result<(), SendError> {
        let mut rest = &self.batch[..filled];
        let mut progress = Instant::now();
        while let Some(first) = rest.first() {
            let taken = match raw::send(&self.socket, rest) {
                Ok(taken) => taken,
                Err(error) if is_full(&error) => 0,
                Err(source) => {
                    return Err(SendError::Refused {
                        name: self.interface.clone(),
                        bytes: first.len(),
                        source,
                    });
                }
            };
            let (gone, left) = rest.split_at(taken);
            sent.frames += gone.len() as u64;
            sent.bytes += gone.iter().map(|frame| frame.len() as u64).sum::<u64>();
            rest = left;
            if taken > 0 {
                progress = Instant::now();
            }
            if !rest.is_empty() {
                // The call ended at a frame that was refused: that frame comes again.
                sent.retries += 1;
                if progress.elapsed() > PATIENCE {
                    return Err(SendError::Stuck {
                        name: self.interface.clone(),
                    });
                }
                thread::sleep(RETRY_AFTER);
            }
        }
        Ok(())
    }

    /// Transmit drops of the interface, from the table of this thread's namespace; 0 where it cannot be read.
    fn device_drops(&self) -> u64 {
        // `/sys/class/net` shows the namespace in which it was mounted, this file that of its reader.
        fs::read_to_string("/proc/thread-self/net/dev")
            .ok()
            .and_then(|table| transmit_drops(&table, &self.interface))
            .unwrap_or(0)
    }
}

/// Whether the error says that there is no room just now.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOBUFS | libc::EAGAIN | libc::EINTR | libc::ENOMEM)
    )
}

/// The twelfth figure of the interface's line: eight of reception, then bytes, packets, errors, drops.
fn transmit_drops(table: &str, interface: &str) -> Option<u64> {
    table
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'))?
        .split_whitespace()
        .nth(11)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transmit_drops_are_read_of_the_right_interface() {
        let table = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:   10       1    0    2    0     0          0         0     10       1    3    4    0     0       0          0
   tx1:   10       1    0    5    0     0          0         0     10       1    6    7    0     0       0          0
    tx:   10       1    0    8    0     0          0         0     10       1    9   11    0     0       0          0
";
        assert_eq!(transmit_drops(table, "tx"), Some(11));
        assert_eq!(transmit_drops(table, "tx1"), Some(7));
        assert_eq!(transmit_drops(table, "rx"), None);
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let error = Sender::open("teiten-none", Queueing::Discipline).unwrap_err();
        assert!(matches!(error, SendError::NoInterface { .. }));
        assert!(error.to_string().contains("teiten-none"), "{error}");
    }
}
