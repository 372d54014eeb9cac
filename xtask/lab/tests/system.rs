//! Test networks, tried on the real kernel. Needs root; `cargo xtask test` runs it that way.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, UdpSocket},
    os::unix::process::ExitStatusExt as _,
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::{self, Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sensor_lab::network::{Lab, Network, SENDER_ADDRESS};

/// Set for a copy of this program that only makes a network and waits to be killed.
const CHILD: &str = "TEITEN_LAB_CHILD";

type Outcome = Result<(), Failed>;
type Test = (&'static str, fn() -> Outcome);

fn main() {
    if env::var_os(CHILD).is_some() {
        wait_within_a_network();
    }
    let mut arguments = Arguments::from_args();
    // Each test takes the machine's lock for itself.
    arguments.test_threads = Some(1);
    let tests: [Test; 11] = [
        (
            "a_network_is_silent_until_somebody_sends",
            a_network_is_silent_until_somebody_sends,
        ),
        (
            "a_packet_to_each_dark_address_arrives_once",
            a_packet_to_each_dark_address_arrives_once,
        ),
        (
            "both_ends_of_a_pair_are_in_different_namespaces",
            both_ends_of_a_pair_are_in_different_namespaces,
        ),
        (
            "the_ends_have_the_queues_and_the_size_asked_for",
            the_ends_have_the_queues_and_the_size_asked_for,
        ),
        (
            "entering_changes_the_network_and_nothing_else",
            entering_changes_the_network_and_nothing_else,
        ),
        (
            "a_panic_within_goes_on_outside_and_leaves_nothing",
            a_panic_within_goes_on_outside_and_leaves_nothing,
        ),
        (
            "a_dropped_network_takes_its_processes_along",
            a_dropped_network_takes_its_processes_along,
        ),
        (
            "a_second_run_waits_for_the_first",
            a_second_run_waits_for_the_first,
        ),
        ("an_interrupted_run_cleans_up", an_interrupted_run_cleans_up),
        (
            "a_killed_run_is_cleaned_up_after_by_the_next",
            a_killed_run_is_cleaned_up_after_by_the_next,
        ),
        (
            "a_namespace_of_somebody_else_stays",
            a_namespace_of_somebody_else_stays,
        ),
    ];
    let obstacle = Lab::obstacle();
    let trial = |(name, test): Test| {
        let obstacle = obstacle.clone();
        Trial::ignorable_test(name, move || match obstacle {
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None => test().map(|()| Completion::Completed),
        })
    };
    libtest_mimic::run(&arguments, tests.map(trial).into()).exit();
}

/// The name that no other run uses: `teiten-lab-test` within this run's lock.
const NAME: &str = "lab-test";

fn exists(namespace: &str) -> bool {
    Path::new("/run/netns").join(namespace).exists()
}

/// Sends one datagram from the sender's side to each of `addresses`.
fn send(network: &Network, addresses: impl IntoIterator<Item = Ipv4Addr> + Send) -> Outcome {
    network.sender().enter(|| {
        let socket = UdpSocket::bind((SENDER_ADDRESS, 0))?;
        addresses
            .into_iter()
            .try_for_each(|address| socket.send_to(b"probe", (address, 5060)).map(drop))
    })??;
    Ok(())
}

fn a_network_is_silent_until_somebody_sends() -> Outcome {
    let network = Network::veth(&Lab::lock()?, NAME)?;
    // Neighbour discovery and router solicitation come within the first second or two.
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(network.received()?, 0);
    Ok(())
}

fn a_packet_to_each_dark_address_arrives_once() -> Outcome {
    let lock = Lab::lock()?;
    for network in [Network::veth(&lock, NAME)?, Network::pair(&lock, "lab-test-two")?] {
        send(&network, (0..=255).map(|host| Ipv4Addr::new(198, 51, 100, host)))?;
        assert_eq!(network.received()?, 256);
        assert!(
            send(&network, [Ipv4Addr::new(203, 0, 113, 1)]).is_err(),
            "there is no way to anywhere else"
        );
        assert_eq!(network.received()?, 256);
    }
    Ok(())
}

fn both_ends_of_a_pair_are_in_different_namespaces() -> Outcome {
    let network = Network::pair(&Lab::lock()?, NAME)?;
    assert_eq!(network.sender().name(), "teiten-lab-test-sender");
    assert_eq!(network.sensor().name(), "teiten-lab-test-sensor");
    assert_eq!(network.path(), Path::new("/run/netns/teiten-lab-test-sensor"));
    network.sender().ip(&["link", "show", "dev", "tx"])?;
    network.sensor().ip(&["link", "show", "dev", "rx"])?;
    assert!(network.sender().ip(&["link", "show", "dev", "rx"]).is_err());
    Ok(())
}

fn the_ends_have_the_queues_and_the_size_asked_for() -> Outcome {
    let network = Network::veth(&Lab::lock()?, NAME)?;
    network.set_mtu(9000)?;
    for end in [network.tx(), network.rx()] {
        let mut command = network.command("ip")?;
        let shown = command
            .args(["-details", "-oneline", "link", "show", "dev", end.name])
            .output()?;
        let shown = String::from_utf8(shown.stdout)?;
        for part in [
            "mtu 9000",
            "numtxqueues 2",
            "numrxqueues 2",
            "state UP",
            &end.mac_text(),
        ] {
            if !shown.contains(part) {
                return Err(format!("no {part} in {shown}").into());
            }
        }
        assert!(shown.starts_with(&format!("{}:", end.index)));
    }
    Ok(())
}

fn entering_changes_the_network_and_nothing_else() -> Outcome {
    let network = Network::veth(&Lab::lock()?, NAME)?;
    let here = |kind: &str| fs::read_link(format!("/proc/thread-self/ns/{kind}"));
    let (outer_network, outer_files) = (here("net")?, here("mnt")?);
    let (inner_network, inner_files) = network.enter(|| (here("net"), here("mnt")))?;
    assert_ne!(inner_network?, outer_network);
    assert_eq!(inner_files?, outer_files);
    assert_eq!(here("net")?, outer_network);

    let output = network
        .command("readlink")?
        .args(["/proc/self/ns/net", "/proc/self/ns/mnt"])
        .output()?;
    let output = String::from_utf8(output.stdout)?;
    let of_the_program: Vec<_> = output.lines().map(Path::new).collect();
    assert_eq!(of_the_program.len(), 2);
    assert_ne!(of_the_program[0], outer_network);
    assert_eq!(of_the_program[1], &outer_files);
    Ok(())
}

fn a_panic_within_goes_on_outside_and_leaves_nothing() -> Outcome {
    let lock = Lab::lock()?;
    let network = Network::veth(&lock, NAME)?;
    let name = network.sensor().name().to_owned();
    assert!(exists(&name));
    let result = panic::catch_unwind(AssertUnwindSafe(move || {
        network.enter(|| panic!("this panic is part of the test"))
    }));
    assert!(result.is_err());
    assert!(!exists(&name));
    Ok(())
}

fn a_dropped_network_takes_its_processes_along() -> Outcome {
    let network = Network::veth(&Lab::lock()?, NAME)?;
    let mut sleeper = network.command("sleep")?.arg("600").spawn()?;
    drop(network);
    let status = sleeper.wait()?;
    assert!(!status.success());
    assert!(!exists("teiten-lab-test"));
    Ok(())
}

fn a_second_run_waits_for_the_first() -> Outcome {
    let first = Network::veth(&Lab::lock()?, NAME)?;
    let (done, second) = mpsc::channel();
    let waiting = thread::spawn(move || {
        let lock = Lab::lock();
        let _ = done.send(());
        lock.map(drop)
    });
    // The network holds the lock, although the value that `lock` returned is long gone.
    assert!(second.recv_timeout(Duration::from_millis(300)).is_err());
    drop(first);
    second.recv_timeout(Duration::from_secs(20))?;
    waiting.join().map_err(|_| "the second run panicked")??;
    Ok(())
}

/// Starts a copy of this program that has made a network when this returns.
fn start_a_run() -> Result<Child, Failed> {
    let mut child = Command::new(env::current_exe()?)
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    assert_eq!(line.trim(), "ready");
    assert!(exists("teiten-lab-test"));
    Ok(child)
}

fn wait_within_a_network() -> ! {
    let network = Lab::clean_up_on_signals()
        .map_err(Into::into)
        .and_then(|()| Lab::lock())
        .and_then(|lock| Network::veth(&lock, NAME));
    match network {
        Ok(_network) => {
            println!("ready");
            loop {
                thread::sleep(Duration::from_secs(1));
            }
        }
        Err(error) => {
            eprintln!("{error:#}");
            process::exit(1)
        }
    }
}

fn stop(child: &mut Child, signal: Signal) -> Outcome {
    kill(Pid::from_raw(i32::try_from(child.id())?), signal)?;
    let status = child.wait()?;
    assert_eq!(status.signal(), Some(signal as i32));
    Ok(())
}

fn an_interrupted_run_cleans_up() -> Outcome {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = start_a_run()?;
        stop(&mut child, signal)?;
        assert!(!exists("teiten-lab-test"));
    }
    Ok(())
}

fn a_killed_run_is_cleaned_up_after_by_the_next() -> Outcome {
    let mut child = start_a_run()?;
    stop(&mut child, Signal::SIGKILL)?;
    assert!(exists("teiten-lab-test"));
    let _lock = Lab::lock()?;
    assert!(!exists("teiten-lab-test"));
    Ok(())
}

fn a_namespace_of_somebody_else_stays() -> Outcome {
    let name = "teiten-lab-foreign";
    let ip = |action: &str| Command::new("ip").args(["netns", action, name]).status();
    ip("add")?;
    let lock = Lab::lock();
    let stays = exists(name);
    let refused = lock.and_then(|lock| Network::veth(&lock, "lab-foreign"));
    let still_stays = exists(name);
    ip("delete")?;
    assert_eq!((stays, refused.is_err(), still_stays), (true, true, true));
    Ok(())
}
