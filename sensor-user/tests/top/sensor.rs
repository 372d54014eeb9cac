//! A service that answers as a sensor does, with totals that grow by a known step at each answer.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

/// Serves until the test ends.
pub struct Sensor {
    address: String,
    frozen: Arc<AtomicU64>,
}

/// What a browser sends for the user `analyst` with the password `dark` (RFC 7617).
const AUTHORISATION: &str = "authorization: basic yw5hbhlzddpkyxjr";

/// The step that is served when the sensor is not frozen: as many as were asked for.
const RUNNING: u64 = u64::MAX;

impl Sensor {
    pub fn start() -> Self {
        Self::serve(false)
    }

    /// One that asks for user and password on every path, as the real one with `basic_auth_users`.
    pub fn guarded() -> Self {
        let sensor = Self::serve(true);
        sensor.freeze(1);
        sensor
    }

    fn serve(guarded: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let frozen = Arc::new(AtomicU64::new(RUNNING));
        let shared = Arc::clone(&frozen);
        thread::spawn(move || {
            let mut step = 1;
            for stream in listener.incoming() {
                let at = match shared.load(Ordering::Relaxed) {
                    RUNNING => {
                        step += 1;
                        step
                    }
                    frozen => frozen,
                };
                // A browser that hangs up early is its own affair.
                let _ = answer(&mut stream.unwrap(), at, guarded);
            }
        });
        Self { address, frozen }
    }

    /// One that gives the same totals at every answer.
    pub fn frozen() -> Self {
        let sensor = Self::start();
        sensor.freeze(1);
        sensor
    }

    /// From now on gives the totals of this step.
    pub fn freeze(&self, step: u64) {
        self.frozen.store(step, Ordering::Relaxed);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// With the user and the password that a guarded one asks for.
    pub fn url_with_password(&self) -> String {
        format!("http://analyst:dark@{}", self.address)
    }
}

fn answer(stream: &mut TcpStream, step: u64, guarded: bool) -> std::io::Result<()> {
    let mut request = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut request)?;
    let mut line = String::new();
    let mut known = false;
    while reader.read_line(&mut line)? > 2 {
        known |= line.trim().to_ascii_lowercase() == AUTHORISATION;
        line.clear();
    }
    if guarded && !known {
        return stream.write_all(
            b"HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"teiten\"\r\ncontent-length: 0\r\n\
              connection: close\r\n\r\n",
        );
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/export/page/");
    let (status, kind, body) = match path.split('?').next().unwrap_or_default() {
        "/api/v1/snapshot" => ("200 OK", "application/json", snapshot(step).to_string()),
        "/" => (
            "200 OK",
            "text/html",
            std::fs::read_to_string(format!("{source}index.html"))?,
        ),
        "/page.js" => (
            "200 OK",
            "text/javascript",
            std::fs::read_to_string(format!("{source}page.js"))?,
        ),
        "/page.css" => (
            "200 OK",
            "text/css",
            std::fs::read_to_string(format!("{source}page.css"))?,
        ),
        "/frame" => ("200 OK", "text/html", frame()),
        _ => ("404 Not Found", "text/plain", String::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Pixels that a small telephone is wide.
pub const TELEPHONE: u32 = 360;

/// The page in a window of a telephone's width, and how wide it would like to be: a browser's own window has a least width.
fn frame() -> String {
    format!(
        "<iframe src=\"/\" width=\"{TELEPHONE}\" height=\"640\" style=\"border:0\"></iframe><script>
        const waiting = setInterval(() => {{
            const page = document.querySelector('iframe').contentDocument;
            const rows = page.querySelectorAll('#ports tr').length;
            if (rows < 2) return;
            clearInterval(waiting);
            const output = document.createElement('output');
            output.textContent = `${{rows}} ${{page.documentElement.scrollWidth}}`;
            document.body.append(output);
        }}, 100);
        </script>"
    )
}

/// Port 23 gains 1,000 packets a second, 900 of them Mirai's; 5060/udp 200; each answer is ten seconds later.
fn snapshot(step: u64) -> Value {
    let seconds = 10 * step;
    let time = |second: u64| jiff::Timestamp::from_second(1_767_225_600 + second.cast_signed()).unwrap();
    json!({
        "schema": 1, "sensor": "tokyo-1", "xdp_mode": "native", "from": time(0), "to": time(seconds),
        "seen": 1_300 * seconds,
        "outcomes": {"observed": 1_250 * seconds, "not_dark": 50 * seconds},
        "classes": {"scan": 1_200 * seconds, "backscatter": 50 * seconds, "other": 0},
        "interfaces": {"eth0": 1_300 * seconds},
        "conservation": {"difference": 0, "records_lost": 0, "packets_lost_detail": 0, "observed": 1_250 * seconds},
        "ports": [
            {"transport": "tcp", "port": 23, "packets": 1_000 * seconds, "syn": 1_000 * seconds,
             "mirai": 900 * seconds, "sources": 4_321},
            {"transport": "udp", "port": 5060, "packets": 200 * seconds, "syn": 0, "mirai": 0, "sources": 7},
            {"transport": "tcp", "port": 80, "packets": 50 * seconds, "syn": 0, "mirai": 0, "sources": 50}
        ],
        "source_regions": [
            {"source_region": "JP", "packets": 800 * seconds, "mirai": 700 * seconds, "sources": 3_000},
            {"source_region": "BR", "packets": 450 * seconds, "mirai": 200 * seconds, "sources": 1_300}
        ],
        "port_regions": [
            {"transport": "tcp", "port": 23, "source_region": "JP", "packets": 700 * seconds, "mirai": 700 * seconds},
            {"transport": "tcp", "port": 23, "source_region": "BR", "packets": 300 * seconds, "mirai": 200 * seconds},
            {"transport": "udp", "port": 5060, "source_region": "BR", "packets": 150 * seconds, "mirai": 0}
        ],
        "tools": [
            {"tool": "mirai", "certainty": "sure", "packets": 900 * seconds},
            {"tool": "zmap", "certainty": "likely", "packets": 30 * seconds}
        ],
        "unique_sources": {"all": 4_378, "mirai": 4_000}
    })
}
