//! A web server on loopback, just good enough to be scraped and to be told of alerts.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

/// How long a client may keep the server waiting.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the server looks for a client, and whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The longest body that is read, in bytes.
const MAX_BODY: u64 = 1 << 20;

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path, with its leading slash.
    pub path: String,
    /// The body; empty when there is none.
    pub body: Vec<u8>,
}

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of loopback, in the network namespace of the calling thread, and answers each request
    /// with the text that `answer` gives.
    ///
    /// # Errors
    /// No port is free.
    pub fn start(answer: impl Fn(&Request) -> String + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port on loopback")?;
        // A server that waited in `accept` could only be woken from within its own namespace.
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                match listener.accept() {
                    // A client that breaks off is its own affair; what it did not get will be missed by the test.
                    Ok((stream, _)) => drop(serve(&stream, &answer)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(LOOK_EVERY),
                    // It gave up while it waited.
                    Err(_) => {}
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

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(stream: &TcpStream, answer: &impl Fn(&Request) -> String) -> Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let text = answer(&read(stream)?);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )?;
    Ok(())
}

fn read(stream: &TcpStream) -> Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line
        .split(' ')
        .nth(1)
        .context("no path in the request")?
        .to_owned();
    let mut length = 0;
    loop {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "the request ends in its head");
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().context("no length")?;
        }
    }
    ensure!(length <= MAX_BODY, "a body of {length} bytes");
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(Request { path, body })
}
