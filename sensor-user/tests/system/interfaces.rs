//! An interface that goes while the sensor runs.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use sensor_lab::frames::{Ipv4, Tcp};

use crate::{
    Test,
    daemon::{Daemon, attached},
    exposition::{family, parse},
    network, traffic,
};

pub const TESTS: [Test; 1] = [("an_interface_that_goes_is_missed_and_its_counts_stay", gone)];

fn gone() {
    let network = network("gone");
    let (sender, sensor) = (network.sender(), network.sensor());
    let pair = [
        "link", "add", "name", "tx2", "type", "veth", "peer", "name", "rx2", "netns",
    ];
    sender.ip(&[&pair[..], &[sensor.name()]].concat()).unwrap();
    sensor.ip(&["link", "set", "dev", "rx2", "up"]).unwrap();
    sender.ip(&["link", "set", "dev", "tx2", "up"]).unwrap();
    let run = ["-i", "rx", "-i", "rx2", "--watch", "198.51.100.0/24"];
    let mut daemon = Daemon::start(&network, &run);
    let frame = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    traffic::send(&network, &vec![frame.clone(); 4]);
    traffic::send_from(&network, "tx2", &vec![frame.clone(); 6]);
    daemon.at_rest(10);
    assert_eq!(daemon.get("/readyz").status, 200);
    let held = |daemon: &Daemon<'_>| {
        let metrics = parse(&daemon.get("/metrics").body);
        family(&metrics, "teiten_attached", ["interface"])
    };
    let expected =
        |first: u64, second: u64| BTreeMap::from([(["rx".to_owned()], first), (["rx2".to_owned()], second)]);
    assert_eq!(held(&daemon), expected(1, 1));

    sender.ip(&["link", "delete", "dev", "tx2"]).unwrap();
    let line = daemon.await_log("the program is not attached any more");
    assert_eq!(line["interface"], "rx2");
    traffic::send(&network, &vec![frame; 5]);
    let snapshot = daemon.at_rest(15);
    assert_eq!(
        snapshot.interfaces,
        BTreeMap::from([("rx".to_owned(), 9), ("rx2".to_owned(), 6)])
    );
    assert_eq!(held(&daemon), expected(1, 0));
    let ready = daemon.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(
        ready
            .body
            .contains("not attached to rx2 any more: the interface is gone"),
        "{}",
        ready.body
    );
    assert_eq!(daemon.get("/healthz").status, 200);
    assert_eq!(daemon.logged("the program is not attached any more").len(), 1);
    // A new device of the same name has no program until the sensor sees it.
    sensor
        .ip(&[
            "link", "add", "name", "rx2", "type", "veth", "peer", "name", "far",
        ])
        .unwrap();
    let line = daemon.await_log("the program is attached again");
    assert_eq!(line["interface"], "rx2");
    daemon.next_tick();
    assert_eq!(held(&daemon), expected(1, 1));
    assert_eq!(attached(&network).len(), 2);

    let stopped = daemon.stop(Signal::SIGTERM);
    assert_eq!(stopped.status.code(), Some(0));
    let totals = stopped.last_totals();
    assert_eq!(
        (&totals["observed"], &totals["drained"]),
        (&15.into(), &15.into())
    );
    assert_eq!(totals["difference"], 0);
    assert_eq!(attached(&network), []);
}
