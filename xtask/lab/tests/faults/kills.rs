//! Deaths, upgrades and pauses under load: kernel totals are the frames that were sent, and so is what is known of
//! them with what is declared lost.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Completion, Failed};
use sensor_lab::{
    artefacts,
    conserve::{Terms, await_rest},
    daemon::{Daemon, Settings},
    live::{Generator, LiveError, PortCounts, Profile, online_cpus},
    network::LabLock,
};

use crate::{
    Test, is_full,
    place::{Place, metric},
};

pub const TESTS: [(&str, Test); 3] = [
    (
        "kills_and_upgrades_under_load_lose_no_count_and_declare_what_they_lose",
        rounds,
    ),
    ("a_stop_under_load_loses_nothing_at_all", clean_stops),
    ("a_daemon_that_was_held_up_goes_on_exactly", pause),
];

/// Kills in a block; each block begins with another program.
const KILLS: u32 = 10;
/// After each block everything is held against what was generated.
const BLOCKS_IN_FULL: u32 = 100;
/// Frames to a burst, and the time between two: a load that goes on and leaves the machine something.
const BURST: u64 = 4_000;
const PAUSE: Duration = Duration::from_millis(4);

/// A load that can be switched on and off, and what it came to.
struct Load<'place> {
    place: &'place Place,
    generator: Generator,
    cpu: u32,
    received_before: u64,
}

/// Stops the load whatever happens beside it.
struct StopAtEnd<'scope>(&'scope AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'place> Load<'place> {
    /// A load that has not begun. The program must be attached already: without it no frame arrives.
    fn new(place: &'place Place) -> Result<Self, Failed> {
        let cpu = online_cpus()?[0];
        let mut generator = Generator::load(&artefacts::object("generator.o")?, PortCounts::Kept)?;
        let tx = place.network.tx().index;
        place.network.sender().enter(|| generator.aim(cpu, tx))??;
        Ok(Self {
            place,
            generator,
            cpu,
            received_before: place.network.received()?,
        })
    }

    /// Does something while frames come.
    fn beside<T>(&self, body: impl FnOnce() -> Result<T, Failed>) -> Result<T, Failed> {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let end = StopAtEnd(&stop);
            let generating = scope.spawn(|| {
                let profiles = [Profile::Uniform, Profile::Skewed].into_iter().cycle();
                for profile in profiles.take_while(|_| !stop.load(Ordering::Relaxed)) {
                    self.generator.generate(profile, BURST, &[self.cpu], |_| ())?;
                    thread::sleep(PAUSE);
                }
                Ok::<(), LiveError>(())
            });
            let done = body();
            drop(end);
            generating.join().unwrap()?;
            done
        })
    }

    /// Waits for rest, and holds every count of all daemons together against all that was generated.
    fn settle(&self, daemon: &mut Daemon<'_>) -> Result<Terms, Failed> {
        await_rest(daemon)?;
        let truth = self.generator.truth()?;
        let snapshot = daemon.whole_snapshot()?;
        let arrived = self.place.network.received()? - self.received_before;
        let terms = Terms::new(&truth, arrived, &snapshot);
        if terms.generated == 0 || terms.difference() != 0 {
            return Err(format!("{:?} of {terms:#?}\n{}", terms.differences(), daemon.log()).into());
        }
        Ok(terms)
    }
}

fn rounds(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "kill")?;
    let blocks = if is_full() { BLOCKS_IN_FULL } else { 1 };
    let mut settings = place.settings();
    let objects = [None, Some(place.other_object()?)];
    let mut daemon = place.start(&settings)?;
    let load = Load::new(&place)?;
    let begun = Instant::now();
    for block in 1..=blocks {
        daemon = load.beside(|| {
            daemon.kill()?;
            settings.object.clone_from(&objects[block as usize % 2]);
            for round in 1..KILLS {
                begin(&place, &settings, round)?.kill()?;
            }
            place.start(&settings)
        })?;
        let terms = load.settle(&mut daemon)?;
        let crashes = metric(&daemon, "teiten_crashes_total")?;
        eprintln!(
            "{} kills ({crashes} of daemons that had begun to work), {} upgrades, {:.0} s: {} frames = {} derived + {} \
             lost to the ring + {} to the queue + {} to deaths",
            block * KILLS,
            block,
            begun.elapsed().as_secs_f64(),
            terms.generated,
            terms.derived,
            terms.lost_ring,
            terms.lost_queue,
            terms.lost_crash,
        );
        // A third of the rounds end before the daemon has come to work with its ledger.
        let kills = u64::from(block * KILLS);
        assert!(crashes >= kills / 2 && crashes <= kills, "{crashes} of {kills}");
        assert_eq!(
            metric(&daemon, "teiten_packets_lost_detail_total{reason=\"crash\"}")?,
            terms.lost_crash
        );
        assert_eq!(metric(&daemon, "teiten_conservation_difference_packets")?, 0);
        assert!(terms.lost_crash > 0, "no death took anything along: {terms:?}");
    }
    daemon.stop()?;
    Ok(Completion::Completed)
}

/// Starts a daemon and lets it come more or less far: every third one is killed while it starts.
fn begin<'place>(place: &'place Place, settings: &Settings, round: u32) -> Result<Daemon<'place>, Failed> {
    let daemon = if round % 3 == 2 {
        Daemon::spawn(place.network.sensor(), &artefacts::daemon()?, settings)?
    } else {
        place.start(settings)?
    };
    // Another moment of the flush interval in each round.
    thread::sleep(Duration::from_millis(u64::from(round * 37 % 230)));
    Ok(daemon)
}

fn clean_stops(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "stop")?;
    let mut settings = place.settings();
    let objects = [None, Some(place.other_object()?)];
    let mut daemon = place.start(&settings)?;
    let load = Load::new(&place)?;
    let mut daemon = load.beside(|| {
        for object in objects.into_iter().cycle().take(4) {
            thread::sleep(Duration::from_millis(150));
            let said = daemon.stop()?;
            assert!(
                said.contains("the program stays attached and counts on"),
                "{said}"
            );
            settings.object = object;
            daemon = place.start(&settings)?;
        }
        Ok(daemon)
    })?;
    let terms = load.settle(&mut daemon)?;
    assert_eq!(
        (terms.lost_crash, metric(&daemon, "teiten_crashes_total")?),
        (0, 0)
    );
    daemon.stop()?;
    Ok(Completion::Completed)
}

fn pause(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "pause")?;
    let mut settings = place.settings();
    settings.ring_size = Some("64KiB".to_owned());
    let mut daemon = place.start(&settings)?;
    let load = Load::new(&place)?;
    load.beside(|| {
        for _ in 0..3 {
            daemon.pause()?;
            thread::sleep(Duration::from_millis(300));
            daemon.resume()?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    })?;
    let terms = load.settle(&mut daemon)?;
    assert!(terms.lost_ring > 0, "the ring never filled: {terms:?}");
    assert_eq!(
        metric(&daemon, "teiten_packets_lost_detail_total{reason=\"ring\"}")?,
        terms.lost_ring
    );
    daemon.stop()?;
    Ok(Completion::Completed)
}
