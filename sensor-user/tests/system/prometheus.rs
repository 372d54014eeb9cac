//! Debian's Prometheus, scraping a real sensor.

use std::{
    fs::{self, File},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use sensor_lab::{
    frames::{Ipv4, Tcp, Udp},
    network::Network,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    daemon::{DEFAULT_ADDRESS, Daemon, get},
    network, traffic,
};

pub const TESTS: [Test; 1] = [("prometheus_scrapes_the_counts_and_answers_with_them", scraped)];

const ADDRESS: &str = "127.0.0.1:9090";
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A Prometheus in the sensor's namespace that scrapes the sensor each second. Dropping it kills it.
struct Prometheus<'network> {
    network: &'network Network,
    child: Child,
    folder: TempDir,
}

impl<'network> Prometheus<'network> {
    fn start(network: &'network Network) -> Self {
        let folder = TempDir::new().unwrap();
        let configuration = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: teiten, static_configs: [{{targets: ['{DEFAULT_ADDRESS}']}}]}}]\n"
        );
        fs::write(&configuration, text).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = network
            .command("prometheus")
            .unwrap()
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={ADDRESS}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let prometheus = Self {
            network,
            child,
            folder,
        };
        let is_up = || {
            network
                .enter(|| std::net::TcpStream::connect(ADDRESS).is_ok())
                .unwrap()
        };
        prometheus.wait_for("its port", || is_up().then_some(()));
        prometheus
    }

    /// The value of an expression as soon as it is this.
    fn await_value(&self, expression: &str, expected: &str) {
        self.wait_for(&format!("{expression} to be {expected}"), || {
            let (value, rows) = self.value(expression)?;
            assert_eq!(rows, 1, "{expression}");
            (value == expected).then_some(())
        });
    }

    /// The first value of an expression, and how many there are; nothing where there is none.
    fn value(&self, expression: &str) -> Option<(String, usize)> {
        let escaped = expression
            .bytes()
            .fold(String::new(), |text, octet| text + &format!("%{octet:02x}"));
        let answer = get(self.network, ADDRESS, &format!("/api/v1/query?query={escaped}"));
        if answer.status == 503 {
            return None;
        }
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        let rows = answer["data"]["result"].as_array().unwrap();
        let value = rows.first()?["value"][1].as_str().unwrap();
        Some((value.to_owned(), rows.len()))
    }

    fn wait_for<T>(&self, what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(value) = holds() {
                return value;
            }
            if start.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
                panic!("Prometheus kept us waiting for {what}; it said:\n{log}");
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn scraped() {
    let network = network("prometheus");
    let daemon = Daemon::start(&network, &["-i", "rx", "--watch", "198.51.100.0/24"]);
    let prometheus = Prometheus::start(&network);
    prometheus.await_value("up", "1");
    let dark = Ipv4::to([198, 51, 100, 9].into());
    let mirai = Tcp {
        sequence: u32::from_be_bytes([198, 51, 100, 9]),
        ..Tcp::syn(23)
    };
    let frames = [
        vec![dark.frame(Tcp::syn(23)); 17],
        vec![dark.frame(mirai); 5],
        vec![dark.frame(Udp::between(40_000, 5_060)); 9],
        vec![Ipv4::to([203, 0, 113, 1].into()).frame(Tcp::syn(23)); 3],
    ]
    .concat();
    traffic::send(&network, &frames);
    daemon.at_rest(34);
    prometheus.await_value("teiten_port_packets_total{port=\"23\"}", "22");
    for (expression, value) in [
        (
            "teiten_port_mirai_packets_total{transport=\"tcp\",port=\"23\"}",
            "5",
        ),
        ("teiten_port_packets_total{transport=\"udp\",port=\"5060\"}", "9"),
        ("sum(teiten_port_packets_total)", "31"),
        ("sum(teiten_outcome_packets_total)", "34"),
        ("teiten_outcome_packets_total{outcome=\"not_watched\"}", "3"),
        ("sum(teiten_source_region_packets_total)", "31"),
        ("teiten_conservation_difference_packets", "0"),
        ("teiten_attached{interface=\"rx\"}", "1"),
    ] {
        // A region is listed with 0 one scrape before it counts, so not every row comes with the same scrape.
        prometheus.await_value(expression, value);
    }
    // What the deployed scrape configuration allows leaves room.
    let (samples, _) = prometheus.value("scrape_samples_scraped").unwrap();
    assert!(samples.parse::<u32>().unwrap() < 2_000, "{samples}");
}
