//! Configuration files: refused with a message, or within every bound that their documentation names.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use teiten::{
    config::{Config, FileConfig},
    kernel::WatchList,
};

fuzz_target!(|text: &str| {
    let file = match FileConfig::parse(text) {
        Ok(file) => file,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let mut over = FileConfig::default();
    over.overlay(file.clone());
    let direct = show(Config::check(file));
    assert_eq!(
        show(Config::check(over)),
        direct,
        "a file laid over nothing is that file"
    );
});

/// The configuration or the refusal as a user sees it.
fn show(checked: Result<Config, teiten::config::ConfigError>) -> String {
    match checked {
        Ok(config) => {
            check(&config);
            serde_json::to_string(&config).expect("a valid configuration can be shown")
        }
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty());
            said
        }
    }
}

fn check(config: &Config) {
    assert!(!config.interfaces.is_empty() && !config.watch.is_empty());
    assert!((1..=64).contains(&config.sensor_id.len()));
    assert!(config.flow_slots.is_power_of_two() && (1 << 10..=1 << 20).contains(&config.flow_slots));
    assert!(config.ring_bytes.is_power_of_two() && (4 << 10..=1 << 30).contains(&config.ring_bytes));
    assert!((Duration::from_millis(100)..=Duration::from_hours(1)).contains(&config.flush_interval));
    assert!((1..=65_536).contains(&config.queue_batches));
    assert!((1..=1_024).contains(&config.listed_ports));
    let watch = WatchList::new(&config.watch).expect("so few prefixes always fit");
    for prefix in &config.watch {
        assert!(
            watch.contains(prefix.network()) && watch.contains(prefix.broadcast()),
            "{prefix}"
        );
    }
}
