//! What the view draws on terminals of all sizes.

use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::top::history::History;

fn history() -> History {
    let mut history = History::default();
    for step in 1..4 {
        let picture = serde_json::from_value(serde_json::json!({
            "sensor": "tokyo-1", "xdp_mode": "native", "from": "2026-01-01T00:00:00Z",
            "to": format!("2026-01-01T01:0{step}:00Z"), "seen": 6_000_000 * step,
            "conservation": {"difference": 0, "observed": 5_999_999, "records_lost": 0},
            "classes": {"scan": 100 * step},
            "ports": (0..60).map(|port| serde_json::json!({"transport": "tcp", "port": port, "packets": 60_000 * step - port,
                "mirai": 600, "sources": 12})).collect::<Vec<_>>(),
            "source_regions": [{"source_region": "JP", "packets": 6000 * step, "mirai": 3}],
            "tools": [{"tool": "mirai", "packets": 600}]
        }))
        .unwrap();
        assert!(history.push(picture));
    }
    history
}

fn screen(width: u16, height: u16, state: &mut State, utf8: bool) -> Vec<String> {
    let history = history();
    let view = View::new(&history, state, usize::MAX);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| draw(frame, &view, state, Theme::new(false, utf8)))
        .unwrap();
    let buffer = terminal.backend().buffer();
    (0..height)
        .map(|row| (0..width).map(|column| buffer[(column, row)].symbol()).collect())
        .collect()
}

#[test]
fn everything_has_its_place_at_eighty_by_twenty_four() {
    let lines = screen(80, 24, &mut State::default(), true);
    assert!(
        lines[0].contains("tokyo-1  native  up 1 h 3 min  seen 18,000,000  100.0k/s"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("conservation difference 0  observed 5,999,999"));
    let all = lines.join("\n");
    for text in [
        "Ports (60)",
        "Source regions (1)",
        "Tools",
        "scan ",
        "JP Japan",
        "1000",
        "? help",
    ] {
        assert!(all.contains(text), "{text}\n{all}");
    }
}

#[test]
fn no_size_is_too_small_or_too_large() {
    for (width, height) in [(1, 1), (5, 2), (20, 5), (63, 10), (64, 17), (250, 80), (500, 3)] {
        for help in [false, true] {
            let mut state = State {
                help,
                ..State::default()
            };
            assert_eq!(screen(width, height, &mut state, true).len(), usize::from(height));
        }
    }
}

#[test]
fn without_utf8_every_letter_of_the_tables_is_ascii() {
    let lines = screen(120, 24, &mut State::default(), false);
    let trends: String = lines[4..20].concat();
    // Borders are drawn by the terminal library; the trends are ours.
    assert!(!trends.chars().any(|letter| ('▁'..='█').contains(&letter)));
    assert!(trends.contains('#'));
}

#[test]
fn a_row_far_down_is_scrolled_to() {
    let mut state = State {
        selected: [59, 0],
        ..State::default()
    };
    let all = screen(80, 24, &mut state, true).join("\n");
    assert!(all.contains("59/tcp") && !all.contains(" 1/tcp"), "{all}");
}

#[test]
fn a_sensor_that_is_silent_is_said_and_the_last_picture_stays() {
    let mut state = State {
        failure: Some("no answer from http://x".into()),
        ..State::default()
    };
    let lines = screen(80, 24, &mut state, true);
    assert!(lines[1].contains("no answer from http://x"));
    assert!(lines.join("\n").contains("Ports (60)"));
}
