//! The HTTP service: every path, and when the sensor says that it is well.

use std::{net::TcpListener, sync::Arc, thread, time::Duration};

use sensor_lab::frames::{Ipv4, Tcp};
use serde_json::Value;
use teiten::export::{
    http::{self, Service},
    metrics::{Identity, Metrics},
    published::Published,
    web::Web,
};

use crate::{
    Test,
    daemon::{Daemon, get},
    network, traffic,
};

pub const TESTS: [Test; 4] = [
    ("every_path_answers_as_documented", paths),
    ("a_snapshot_has_as_many_rows_as_asked_for", limits),
    ("a_sensor_without_totals_is_neither_well_nor_ready", starting),
    ("the_log_names_the_port_that_the_system_chose", chosen_port),
];

fn paths() {
    let network = network("paths");
    let daemon = Daemon::start(
        &network,
        &["-i", "rx", "--watch", "198.51.100.0/24", "--id", "tokyo-1"],
    );
    daemon.await_snapshot(|_| true);
    for (path, status, kind, part) in [
        ("/", 200, "text/html; charset=utf-8", "<a href=\"metrics\">"),
        ("/page.css", 200, "text/css; charset=utf-8", "table"),
        (
            "/page.js",
            200,
            "text/javascript; charset=utf-8",
            "api/v1/snapshot",
        ),
        (
            "/metrics",
            200,
            "text/plain; version=0.0.4",
            "teiten_sensor_info{sensor=\"tokyo-1\"} 1",
        ),
        ("/healthz", 200, "text/plain; charset=utf-8", "ok\n"),
        ("/readyz", 200, "text/plain; charset=utf-8", "ok\n"),
        ("/api/v1/snapshot", 200, "application/json", "\"schema\":1"),
        ("/nothere", 404, "", ""),
        ("/metrics/", 404, "", ""),
        ("/../etc/passwd", 404, "", ""),
        (
            "/api/v1/snapshot?limit=all",
            400,
            "text/plain; charset=utf-8",
            "limit",
        ),
        (
            "/api/v1/snapshot?limit=-1",
            400,
            "text/plain; charset=utf-8",
            "limit",
        ),
    ] {
        let answer = daemon.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.content_type, kind, "{path}");
        assert!(answer.body.contains(part), "{path}: {}", answer.body);
    }
    let post = minreq::post(format!("http://{}/metrics", daemon.address())).with_timeout(10);
    let answer = network.enter(|| post.send()).unwrap().unwrap();
    assert_eq!(answer.status_code, 405);
    assert_documented(&serde_json::from_str(&daemon.get("/api/v1/snapshot").body).unwrap());
}

/// The keys that readers of the snapshot may rely on.
fn assert_documented(snapshot: &Value) {
    assert_eq!(snapshot["schema"], 1);
    assert_eq!(snapshot["sensor"], "tokyo-1");
    assert_eq!(snapshot["xdp_mode"], "native");
    for key in ["from", "to"] {
        let time = snapshot[key].as_str().unwrap();
        assert!(
            time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(),
            "{time}"
        );
    }
    for key in ["difference", "records_lost", "packets_lost_detail"] {
        assert_eq!(snapshot["conservation"][key], 0, "{key}");
    }
    assert_eq!(snapshot["seen"], 0);
    assert_eq!(
        snapshot["classes"],
        serde_json::json!({ "scan": 0, "backscatter": 0, "other": 0 })
    );
    assert!(
        snapshot["outcomes"]
            .as_object()
            .unwrap()
            .values()
            .all(|packets| packets == 0)
    );
    for key in ["ports", "source_regions", "port_regions", "tools"] {
        assert_eq!(snapshot[key], serde_json::json!([]), "{key}");
    }
}

fn limits() {
    let network = network("limits");
    let daemon = Daemon::start(&network, &["-i", "rx", "--watch", "198.51.100.0/24"]);
    // 150 ports: the first with 150 packets, the last with one.
    let frames: Vec<_> = (0..150_u16)
        .flat_map(|place| {
            let frame = Ipv4::to([198, 51, 100, 9].into()).frame(Tcp::syn(1_000 + place));
            vec![frame; usize::from(150 - place)]
        })
        .collect();
    traffic::send(&network, &frames);
    daemon.at_rest(frames.len() as u64);
    for (path, rows) in [
        ("/api/v1/snapshot", 100),
        ("/api/v1/snapshot?limit=0", 0),
        ("/api/v1/snapshot?limit=1", 1),
        ("/api/v1/snapshot?limit=149", 149),
        ("/api/v1/snapshot?limit=150", 150),
        ("/api/v1/snapshot?limit=18446744073709551615", 150),
    ] {
        let snapshot: Value = serde_json::from_str(&daemon.get(path).body).unwrap();
        let ports: Vec<_> = snapshot["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["port"].as_u64().unwrap(), row["packets"].as_u64().unwrap()))
            .collect();
        let expected: Vec<_> = (0..150)
            .map(|place| (1_000 + place, 150 - place))
            .take(rows)
            .collect();
        assert_eq!(ports, expected, "{path}");
        assert_eq!(snapshot["seen"], frames.len(), "{path}");
    }
}

/// Too short a moment to catch in a running daemon, so the service is started without one.
fn starting() {
    let network = network("starting");
    let listener = network
        .enter(|| TcpListener::bind("127.0.0.1:0").unwrap())
        .unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = thread::spawn(move || serve(listener, stopped));
    for path in ["/healthz", "/readyz", "/api/v1/snapshot"] {
        let answer = get(&network, &address, path);
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.body, "starting: the totals were not read yet\n", "{path}");
    }
    let metrics = get(&network, &address, "/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("teiten_sensor_info{sensor=\"test\"} 1\n"));
    // Totals that were never read are no zeros.
    assert!(!metrics.body.contains("packets_total"), "{}", metrics.body);
    drop(stop);
    server.join().unwrap();
}

fn serve(listener: TcpListener, stopped: tokio::sync::oneshot::Receiver<()>) {
    let published = Arc::new(Published::default());
    let identity = Identity {
        sensor: "test".to_owned(),
        version: "0",
        program: String::new(),
        watched_addresses: 1,
    };
    let service = Service {
        metrics: Metrics::new(Arc::clone(&published), identity).unwrap(),
        published,
        patience: Duration::from_secs(1),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let stop = async {
            // Either end of the channel means the same.
            let _ = stopped.await;
        };
        http::serve(listener, service, Arc::new(Web::plain()), stop)
            .await
            .unwrap();
    });
}

fn chosen_port() {
    let network = network("port-zero");
    let daemon = Daemon::start(
        &network,
        &[
            "-i",
            "rx",
            "--watch",
            "198.51.100.0/24",
            "--listen",
            "127.0.0.1:0",
        ],
    );
    assert_ne!(daemon.address().port(), 0);
    daemon.await_snapshot(|_| true);
    assert_eq!(daemon.get("/readyz").status, 200);
}
