//! Defaults, overrides, and what is refused.

use super::*;

fn minimal() -> FileConfig {
    FileConfig::parse("[capture]\ninterfaces = ['eth0']\nwatch = ['198.51.100.0/24']").unwrap()
}

fn refused(text: &str) -> String {
    let flags = minimal();
    let mut file = match FileConfig::parse(text) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let written = file.clone();
    file.overlay(flags);
    file.overlay(written);
    Config::check(file).unwrap_err().to_string()
}

#[test]
fn the_template_says_the_defaults() {
    let mut template = FileConfig::parse(TEMPLATE).unwrap();
    template.overlay(minimal());
    assert_eq!(
        Config::check(template).unwrap(),
        Config::check(minimal()).unwrap()
    );
}

#[test]
fn the_template_names_every_key() {
    // Without the marks of comments every line of the template is a key, so the parser knows them all.
    let uncommented: String = TEMPLATE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest
                    .split_once(" = ")
                    .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_')) =>
            {
                rest
            }
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let file = FileConfig::parse(&uncommented).unwrap();
    assert!(file.sensor.id.is_some() && file.sensor.state_directory.is_some());
    let capture = &file.capture;
    assert!(
        capture.interfaces.is_some()
            && capture.mode.is_some()
            && capture.watch.is_some()
            && capture.watch_host.is_some()
            && capture.own_networks.is_some()
            && capture.verdict.is_some()
    );
    let kernel = &file.kernel;
    assert!(
        kernel.flow_slots.is_some()
            && kernel.ring_size.is_some()
            && kernel.flush_interval.is_some()
            && kernel.queue_batches.is_some()
            && kernel.log.is_some()
    );
    let export = &file.export;
    assert!(
        export.listen.is_some()
            && export.web_config_file.is_some()
            && export.listed_ports.is_some()
            && export.watched_ports.is_some()
    );
    assert!(file.sources.key.is_some() && file.sources.iot_ports.is_some());
    assert!(file.regions.country.is_some() && file.regions.asn.is_some());
    let sensor = &file.sensor;
    assert!(sensor.region.is_some() && sensor.operator.is_some() && sensor.publish_name.is_some());
    let records = &file.records;
    assert!(
        records.directory.is_some()
            && records.max_size.is_some()
            && records.min_free.is_some()
            && records.cells_days.is_some()
            && records.uniques_days.is_some()
            && records.networks_days.is_some()
            && records.sources_days.is_some()
    );
    let ship = &file.ship;
    assert!(ship.to.is_some() && ship.endpoint.is_some() && ship.credentials.is_some());
    assert!(file.log.level.is_some() && file.log.format.is_some());
}

#[test]
fn flags_go_before_the_file() {
    let mut file =
        FileConfig::parse("[export]\nlisten = '127.0.0.1:1'\n[kernel]\nflow_slots = 2048").unwrap();
    file.overlay(minimal());
    let mut flags = FileConfig::default();
    flags.export.listen = Some(SocketAddr::from(([127, 0, 0, 1], 2)));
    file.overlay(flags);
    let config = Config::check(file).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.flow_slots, 2048);
}

#[test]
fn what_cannot_be_is_refused_with_its_cure() {
    let cases = [
        ("[capture]\nwatch = ['198.51.100.0/33']", "198.51.100.0/33"),
        (
            "[capture]\nwatch = ['198.51.100.1/24']",
            "do you mean 198.51.100.0/24?",
        ),
        ("[capture]\nwatch = ['dark']", "is no network prefix"),
        ("[capture]\nwatch = []", "--watch 198.51.100.0/24"),
        ("[capture]\nwatch_host = true", "leave one of them out"),
        (
            "[capture]\nwatch_host = true\nwatch = []\nverdict = 'drop'",
            "never drops",
        ),
        (
            "[capture]\nown_networks = ['198.51.100.0/24']",
            "is for `--watch-host`",
        ),
        ("[capture]\ninterfaces = []", "--interface IF"),
        ("[capture]\ninterfaces = ['a', 'a']", "named twice"),
        ("[capture]\nmode = 'fast'", "unknown variant `fast`"),
        ("[capture]\nwathc = []", "unknown field `wathc`"),
        ("[sensor]\nid = 'a b'", "cannot be a sensor id"),
        ("[sensor]\nid = ''", "cannot be a sensor id"),
        ("[kernel]\nflow_slots = 1000", "no power of two"),
        ("[kernel]\nflow_slots = 512", "from 1024 to 1048576"),
        ("[kernel]\nring_size = '3 MiB'", "4194304"),
        ("[kernel]\nring_size = '2 GiB'", "from 4096 to 1073741824"),
        ("[kernel]\nflush_interval = '10ms'", "100ms to 1h"),
        ("[kernel]\nflush_interval = 'soon'", "soon"),
        ("[kernel]\nqueue_batches = 0", "from 1 to 65536"),
        ("[export]\nlisten = 'here'", "invalid socket address"),
        ("[export]\nlisted_ports = 0", "from 1 to 1024"),
        ("[export]\nwatched_ports = ['23']", "23/tcp"),
        ("[export]\nwatched_ports = ['23/tcp', '23/tcp']", "23/tcp twice"),
        (
            "[export]\nwatched_ports = ['1/tcp', '2/tcp', '3/tcp', '4/tcp', '5/tcp', '6/tcp', '7/tcp', '8/tcp', '9/tcp', '10/tcp', '11/tcp']",
            "at most 10",
        ),
        ("[sources]\niot_ports = [65536]", "invalid value"),
        ("[sources]\niot_ports = ['23/tcp']", "invalid type"),
        ("[regions]\ncountry = 'x'", "expected a sequence"),
        ("[log]\nlevel = 'loud'", "loud"),
        ("[unknown]", "unknown field `unknown`"),
        ("[capture", "TOML"),
    ];
    for (text, part) in cases {
        let message = refused(text);
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn an_address_is_the_prefix_of_itself() {
    assert_eq!(parse_prefix("192.0.2.1").unwrap().to_string(), "192.0.2.1/32");
    assert_eq!(
        parse_prefix("2001:db8::1").unwrap().to_string(),
        "2001:db8::1/128"
    );
}
