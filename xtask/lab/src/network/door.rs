//! A door to a port in another namespace: what listens on loopback there is reached on loopback here.

use std::{
    fs::File,
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::sched::{CloneFlags, setns};

use super::Namespace;

/// How often the door looks for a client, and whether it is to close.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// An open door; it closes when it is dropped.
#[derive(Debug)]
pub struct Door {
    /// Where it is, in the namespace of the thread that opened it.
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    /// Opens one, in the namespace of the calling thread, to a port of loopback in another. Bytes pass as they are.
    ///
    /// # Errors
    /// No port is free here, or the namespace is gone.
    pub fn open(namespace: &Namespace, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let behind = File::open(namespace.path())?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            // The listening socket stays where it was made; what this thread opens from now on is behind the door.
            if setns(&behind, CloneFlags::CLONE_NEWNET).is_err() {
                return;
            }
            while !stopped.load(Ordering::Acquire) {
                match listener.accept() {
                    // Who is not let in notices it.
                    Ok((client, _)) => drop(pass(client, port)),
                    Err(_) => thread::sleep(LOOK_EVERY),
                }
            }
        });
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Has threads of their own copy both directions, until either end has no more to say.
fn pass(client: TcpStream, port: u16) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        thread::spawn(move || copy(from, to));
    }
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // A broken connection is an ended one.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
