//! Whole screens, as `docs/top.md` shows them: what a reader sees there is what the view draws.

use std::{env, fs, time::Instant};

use crate::{
    Test,
    sensor::Sensor,
    terminal::{PATIENCE, Terminal},
};

pub const TESTS: [Test; 1] = [(
    "the_screens_in_the_documentation_are_what_is_drawn",
    screens,
    Some("tmux"),
)];

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/top.md");
/// Answers of the sensor, of which trends are drawn.
const STEPS: u64 = 6;
/// Name in the page, the keys that lead there from the one before, and a word by which the screen is known.
const SCREENS: [(&str, &[&str], &str); 7] = [
    ("first", &[], "JP Japan"),
    ("port", &["Down", "Enter"], "port 5060/udp (Esc)"),
    ("region", &["Escape", "/", "j", "p", "Enter"], "region JP (Esc)"),
    ("mirai", &["Escape", "m"], "Mirai (Esc)"),
    ("totals", &["Escape", "r", "s", "s", "Tab"], "sort: sources"),
    ("paused", &["p"], "PAUSED"),
    ("help", &["?"], "Any key goes back"),
];

fn screens() {
    let sensor = Sensor::start();
    sensor.freeze(1);
    let terminal = Terminal::open("screens", (80, 24), &sensor, "");
    for step in 1..=STEPS {
        sensor.freeze(step);
        let up = if step < 6 {
            format!("up {} s", 10 * step)
        } else {
            "up 1 min".to_owned()
        };
        terminal.wait(&up, |screen| screen.contains(&up));
    }
    for (name, keys, word) in SCREENS {
        terminal.press(keys);
        terminal.wait(name, |screen| screen.contains(word));
        hold(name, || terminal.screen());
    }
    let small = Terminal::open("narrow", (40, 12), &sensor, "--color never");
    small.wait("narrow", |screen| screen.contains("23/tcp"));
    hold("narrow", || small.screen());
}

/// Holds the screen of that name in the page against what is drawn, or writes it there.
fn hold(name: &str, screen: impl Fn() -> String) {
    let begin = &format!("<!-- screen {name}, drawn by a test, begin -->\n```text\n");
    let end = "```\n<!-- screen, end -->";
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page
        .split_once(begin)
        .unwrap_or_else(|| panic!("{PAGE} has no screen {name}"));
    let (shown, after) = rest.split_once(end).unwrap();
    let drawn = || -> String {
        let screen = screen();
        screen
            .trim_end()
            .lines()
            .flat_map(|line| [line.trim_end(), "\n"])
            .collect()
    };
    // A screen is drawn piece by piece.
    let begun = Instant::now();
    let writes = env::var_os("TEITEN_WRITE_DOCS").is_some();
    while drawn() != shown && begun.elapsed() < if writes { PATIENCE / 60 } else { PATIENCE } {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    if writes {
        fs::write(PAGE, format!("{before}{begin}{}{end}{after}", drawn())).unwrap();
        return;
    }
    assert_eq!(
        drawn(),
        shown,
        "{PAGE} is not up to date: run `TEITEN_WRITE_DOCS=1 cargo test -p teiten --test top screens`"
    );
}
