//! The page in headless Chromium: what stands in the document after its script has run, and how wide it is.

use std::process::Command;

use crate::{
    Test,
    sensor::{Sensor, TELEPHONE},
};

pub const TESTS: [Test; 3] = [
    ("the_page_shows_what_the_sensor_says", page, Some("chromium")),
    ("the_page_fits_a_telephone", narrow, Some("chromium")),
    ("the_page_works_behind_a_password", guarded, Some("chromium")),
];

/// The document after two virtual seconds.
fn document(url: &str, width: u16) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("timeout")
        .args([
            "120",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=10000",
        ])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("--window-size={width},800"))
        .args(["--dump-dom", url])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn page() {
    let sensor = Sensor::frozen();
    let document = document(&sensor.url(), 1280);
    for text in [
        "tokyo-1, native, since",
        "<span id=\"seen\">13,000</span>",
        "<span id=\"sources\">4,378</span>",
        "<span id=\"mirai\">9,000</span>",
        "<span id=\"difference\" class=\"\">0</span>",
        ">23/tcp</td><td class=\"figure\">10,000</td>",
        ">JP Japan</td>",
        ">zmap (likely)</td>",
    ] {
        assert!(document.contains(text), "{text} in\n{document}");
    }
}

/// A page that is wider than its window has to be moved sideways to be read.
fn narrow() {
    let sensor = Sensor::frozen();
    let document = document(&format!("{}/frame", sensor.url()), 1280);
    let width = document
        .split("<output>")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .unwrap_or_else(|| panic!("{document}"));
    let (rows, width) = width.split_once(' ').unwrap();
    // Three ports and a header: the tables were there when the width was taken.
    assert_eq!(rows, "4");
    assert!(
        width.parse::<u32>().unwrap() <= TELEPHONE,
        "{width} pixels are needed"
    );
}

/// The browser is asked once; style, script and snapshot have to come with the same password.
fn guarded() {
    let sensor = Sensor::guarded();
    let shown = document(&sensor.url_with_password(), 1280);
    assert!(shown.contains("<span id=\"seen\">13,000</span>"), "{shown}");
    let refused = document(&sensor.url(), 1280);
    assert!(!refused.contains("id=\"seen\""), "without a password: {refused}");
}
