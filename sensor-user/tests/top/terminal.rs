//! The live view in a terminal of tmux: keys go in, screens come out.

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{Test, sensor::Sensor};

pub const TESTS: [Test; 6] = [
    ("keys_filter_sort_and_choose", keys, Some("tmux")),
    ("a_paused_view_stands_still_and_goes_on", pause, Some("tmux")),
    (
        "a_small_terminal_without_colours_shows_one_table",
        small,
        Some("tmux"),
    ),
    ("leaving_gives_the_terminal_back", leave, Some("tmux")),
    (
        "a_signal_gives_the_terminal_back_as_well",
        signalled,
        Some("tmux"),
    ),
    ("a_view_whose_terminal_is_gone_ends", alone, Some("tmux")),
];

/// Long enough for any machine: a wait ends as soon as the screen is as it should be.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A terminal with the view in it. Its server is its own, and ends with it.
pub struct Terminal {
    socket: String,
}

impl Terminal {
    pub fn open(name: &str, size: (u16, u16), sensor: &Sensor, arguments: &str) -> Self {
        let socket = format!("teiten-{name}-{}", std::process::id());
        let terminal = Self { socket };
        let command = format!(
            "{} top --url {} --interval 200ms {arguments}; echo back in the shell, status $?; sleep 300",
            env!("CARGO_BIN_EXE_teiten"),
            sensor.url()
        );
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let size = ["-x", width.as_str(), "-y", height.as_str()];
        let mut session = vec!["-f", "/dev/null", "new-session", "-d"];
        session.extend(size);
        session.extend(["env", "LC_ALL=C.UTF-8", "bash", "-c", command.as_str()]);
        let output = terminal.tmux(&session);
        assert!(output.status.success(), "{output:?}");
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux")
            .args(["-u", "-L", &self.socket])
            .args(arguments)
            .output()
            .unwrap()
    }

    pub fn press(&self, keys: &[&str]) {
        for key in keys {
            let output = self.tmux(&["send-keys", key]);
            assert!(output.status.success(), "{key}: {output:?}");
        }
    }

    /// The view's process: the shell's only child.
    fn view(&self) -> Pid {
        let shell = String::from_utf8(self.tmux(&["display-message", "-p", "#{pane_pid}"]).stdout).unwrap();
        let shell = shell.trim();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        Pid::from_raw(children.trim().parse().unwrap())
    }

    pub fn screen(&self) -> String {
        // With -e the codes of colours are part of the text.
        String::from_utf8(self.tmux(&["capture-pane", "-p"]).stdout).unwrap()
    }

    fn coloured_screen(&self) -> String {
        String::from_utf8(self.tmux(&["capture-pane", "-p", "-e"]).stdout).unwrap()
    }

    /// The first screen that is as it should be.
    pub fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "never {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn keys() {
    let sensor = Sensor::start();
    let terminal = Terminal::open("keys", (80, 24), &sensor, "");
    // Rates of a step: exactly what the sensor adds.
    let screen = terminal.wait("a step", |screen| screen.contains("per s"));
    assert_eq!(screen.lines().count(), 24, "{screen}");
    for text in [
        "tokyo-1",
        "native",
        "1300/s",
        "conservation difference 0",
        "23/tcp",
        "1000",
        "90%",
        "4,321",
        "JP Japan",
        "? help",
    ] {
        assert!(screen.contains(text), "{text} in\n{screen}");
    }
    // The regions of the second port.
    terminal.press(&["Down", "Enter"]);
    let screen = terminal.wait("filtered", |screen| screen.contains("port 5060/udp"));
    assert!(
        screen.contains("BR Brazil") && !screen.contains("23/tcp"),
        "{screen}"
    );
    terminal.press(&["Escape"]);
    terminal.wait("unfiltered", |screen| screen.contains("23/tcp"));
    // The ports of a region, typed.
    terminal.press(&["/", "j", "p"]);
    terminal.wait("being typed", |screen| {
        screen.contains("filter (port, region or mirai): jp_")
    });
    terminal.press(&["Enter"]);
    let screen = terminal.wait("of one region", |screen| screen.contains("region JP"));
    assert!(screen.contains("23/tcp") && screen.contains("700"), "{screen}");
    assert!(!screen.contains("5060/udp"), "{screen}");
    terminal.press(&["Escape", "s", "s"]);
    let screen = terminal.wait("sorted by sources", |screen| screen.contains("sort: sources"));
    let place = |text| screen.find(text).unwrap();
    assert!(
        place("23/tcp") < place("80/tcp") && place("80/tcp") < place("5060/udp"),
        "{screen}"
    );
    terminal.press(&["r"]);
    terminal.wait("totals", |screen| {
        screen.contains("packets") && !screen.contains("per s")
    });
    terminal.press(&["m"]);
    let screen = terminal.wait("Mirai alone", |screen| screen.contains("Mirai (Esc)"));
    assert!(!screen.contains("5060/udp"), "{screen}");
    terminal.press(&["?"]);
    terminal.wait("help", |screen| screen.contains("Any key goes back"));
    terminal.press(&["x"]);
    terminal.wait("back", |screen| !screen.contains("Any key goes back"));
}

fn pause() {
    let sensor = Sensor::start();
    let terminal = Terminal::open("pause", (80, 24), &sensor, "");
    terminal.wait("a step", |screen| screen.contains("per s"));
    terminal.press(&["p"]);
    let still = terminal.wait("paused", |screen| screen.contains("PAUSED"));
    // Five answers later it is the same.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(terminal.screen(), still);
    terminal.press(&["p"]);
    terminal.wait("going on", |screen| {
        !screen.contains("PAUSED") && screen.lines().next() != still.lines().next()
    });
}

fn small() {
    let sensor = Sensor::start();
    let terminal = Terminal::open("small", (40, 12), &sensor, "--color never");
    let screen = terminal.wait("ports", |screen| screen.contains("23/tcp"));
    assert!(!screen.contains("Source regions"), "{screen}");
    terminal.press(&["Tab"]);
    let screen = terminal.wait("regions", |screen| screen.contains("Source regions"));
    assert!(screen.contains("JP Japan"), "{screen}");
    let coloured = terminal.coloured_screen();
    // Select Graphic Rendition 30 to 37 and 90 to 97 are colours (ECMA-48, 8.3.117).
    for code in (30..38).chain(90..98) {
        assert!(!coloured.contains(&format!("\u{1b}[{code}m")), "{coloured:?}");
    }
}

fn leave() {
    let sensor = Sensor::start();
    let terminal = Terminal::open("leave", (80, 24), &sensor, "");
    terminal.wait("a picture", |screen| screen.contains("23/tcp"));
    terminal.press(&["q"]);
    let screen = terminal.wait("the shell", |screen| screen.contains("back in the shell"));
    assert!(!screen.contains("23/tcp"), "the old screen is back: {screen}");
}

fn signalled() {
    let sensor = Sensor::start();
    for (name, signal, expected) in [
        ("terminated", Some(Signal::SIGTERM), "status 0"),
        ("hung-up", Some(Signal::SIGHUP), "status 0"),
        ("interrupted", None, "status 130"),
    ] {
        let terminal = Terminal::open(name, (80, 24), &sensor, "");
        terminal.wait("a picture", |screen| screen.contains("23/tcp"));
        match signal {
            Some(signal) => kill(terminal.view(), signal).unwrap(),
            // The shell sees a program that an interrupt ended.
            None => terminal.press(&["C-c"]),
        }
        let screen = terminal.wait("the shell", |screen| screen.contains("back in the shell"));
        assert!(
            screen.contains(expected) && !screen.contains("23/tcp"),
            "{name}: {screen}"
        );
    }
}

/// A terminal that is gone has nothing more to read, at once and for ever.
fn alone() {
    let sensor = Sensor::start();
    let terminal = Terminal::open("alone", (80, 24), &sensor, "");
    terminal.wait("a picture", |screen| screen.contains("23/tcp"));
    let view = terminal.view();
    drop(terminal);
    let begun = Instant::now();
    while kill(view, None).is_ok() {
        if begun.elapsed() > PATIENCE {
            kill(view, Signal::SIGKILL).unwrap();
            panic!("the view goes on without its terminal");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
