//! The operator is never locked out: a session to the host's own address lives through everything.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use libtest_mimic::{Completion, Failed};
use sensor_lab::network::LabLock;

use crate::{
    Test,
    place::{Place, assert_said},
};

pub const TESTS: [(&str, Test); 1] = [(
    "a_session_to_the_hosts_own_address_lives_through_everything",
    session,
)];

/// The sensor's own address, beside the sender's.
const HOST: &str = "192.0.2.2";

fn session(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "operator")?;
    let sensor = place.network.sensor();
    sensor.ip(&["address", "add", &format!("{HOST}/24"), "dev", "rx"])?;
    let listener = sensor.enter(|| TcpListener::bind((HOST, 2222)))??;
    let mut settings = place.settings();
    // The daemon drops what is watched, and the ring is full most of the time.
    settings.ring_size = Some("4KiB".to_owned());
    let daemon = place.start(&settings)?;

    let echoes = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut peer, _) = listener.accept().unwrap();
            let mut octets = [0; 64];
            while let Ok(count @ 1..) = peer.read(&mut octets) {
                peer.write_all(&octets[..count]).unwrap();
            }
        });
        let talking = scope.spawn(|| {
            let mut stream = place
                .network
                .sender()
                .enter(|| TcpStream::connect((HOST, 2222)))??;
            // Longer than any retransmission: a session that is cut off fails here.
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            let mut octets = [0; 5];
            while !stop.load(Ordering::Relaxed) {
                stream.write_all(b"alive")?;
                stream.read_exact(&mut octets)?;
                echoes.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
            Ok::<(), std::io::Error>(())
        });
        let result = trouble(&place, &mut settings, daemon, &echoes);
        stop.store(true, Ordering::Relaxed);
        let talked = talking.join().unwrap();
        result?;
        talked?;
        Ok::<(), Failed>(())
    })?;
    eprintln!("{} echoes", echoes.load(Ordering::Relaxed));
    Ok(Completion::Completed)
}

/// Waits until the session has answered so many times more.
fn alive(echoes: &AtomicU64) -> Result<(), Failed> {
    let before = echoes.load(Ordering::Relaxed);
    crate::place::await_that("the session answers", || {
        Ok((echoes.load(Ordering::Relaxed) >= before + 3).then_some(()))
    })
}

fn trouble<'place>(
    place: &'place Place,
    settings: &mut sensor_lab::daemon::Settings,
    mut daemon: sensor_lab::daemon::Daemon<'place>,
    echoes: &AtomicU64,
) -> Result<(), Failed> {
    alive(echoes)?;
    // Malformed frames of every kind, more than the ring holds.
    place.send_malformed(20_000)?;
    alive(echoes)?;
    daemon.pause()?;
    place.send_flows(5_000)?;
    alive(echoes)?;
    daemon.resume()?;
    for round in 0..4 {
        if round % 2 == 0 {
            daemon.kill()?;
        } else {
            daemon.stop()?;
        }
        alive(echoes)?;
        settings.object = (round % 2 == 0).then(|| place.other_object()).transpose()?;
        daemon = place.start(settings)?;
        place.send_malformed(2_000)?;
        alive(echoes)?;
    }
    daemon.stop()?;
    alive(echoes)?;
    // A list that would cut the host off is refused, with the address that it holds, and the session goes on.
    let mut everything = settings.clone();
    everything.watch = vec!["0.0.0.0/0".to_owned()];
    let said = place.refused_as(&everything, 2)?;
    assert_said(&said, &["0.0.0.0/0", "this host's own address"]);
    alive(echoes)
}
