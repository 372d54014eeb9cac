//! Single values of a configuration: what stands for one that is left out, and what cannot be.

use std::{collections::BTreeSet, time::Duration};

use ipnet::IpNet;

use super::ConfigError;
use crate::{
    export::series::PORTS_BY_REGION,
    pipeline::{PortName, PortTransport, sources::DEFAULT_IOT_PORTS},
};

/// The ports that JPCERT/CC's reports of the last years keep coming back to.
const DEFAULT_WATCHED_PORTS: [(PortTransport, u16); 10] = [
    (PortTransport::Tcp, 22),
    (PortTransport::Tcp, 23),
    (PortTransport::Tcp, 80),
    (PortTransport::Tcp, 445),
    (PortTransport::Tcp, 2323),
    (PortTransport::Tcp, 3389),
    (PortTransport::Tcp, 6379),
    (PortTransport::Tcp, 37215),
    (PortTransport::Udp, 5060),
    (PortTransport::Icmp, 0),
];

/// The ports that are watched where nothing else is said.
#[must_use]
pub fn default_watched_ports() -> Vec<PortName> {
    DEFAULT_WATCHED_PORTS
        .map(|(transport, port)| PortName { transport, port })
        .to_vec()
}

pub(super) fn check_watched_ports(ports: Option<Vec<PortName>>) -> Result<Vec<PortName>, ConfigError> {
    let Some(ports) = ports else {
        return Ok(default_watched_ports());
    };
    if ports.len() > PORTS_BY_REGION {
        return Err(ConfigError::TooManyWatchedPorts {
            count: ports.len(),
            most: PORTS_BY_REGION,
        });
    }
    let mut seen = BTreeSet::new();
    match ports.iter().find(|port| !seen.insert(**port)) {
        Some(twice) => Err(ConfigError::PortTwice(*twice)),
        None => Ok(ports),
    }
}

/// The most ports of the Internet of Things.
const MOST_IOT_PORTS: usize = 1_024;

pub(super) fn check_iot_ports(ports: Option<Vec<u16>>) -> Result<Vec<u16>, ConfigError> {
    let Some(ports) = ports else {
        return Ok(DEFAULT_IOT_PORTS.to_vec());
    };
    if ports.len() > MOST_IOT_PORTS {
        return Err(ConfigError::OutOfRange {
            key: "the number of sources.iot_ports",
            value: ports.len() as u64,
            least: 0,
            most: MOST_IOT_PORTS as u64,
        });
    }
    Ok(ports)
}

pub(super) fn first_double(names: &[String]) -> Option<&str> {
    let mut seen = BTreeSet::new();
    names
        .iter()
        .find(|name| !seen.insert(name.as_str()))
        .map(String::as_str)
}

pub(super) fn parse_prefixes(texts: &[String]) -> Result<Vec<IpNet>, ConfigError> {
    texts.iter().map(|text| parse_prefix(text)).collect()
}

/// A prefix, or a single address as the prefix of itself.
///
/// # Errors
/// It is neither, or has bits set behind its length.
pub fn parse_prefix(text: &str) -> Result<IpNet, ConfigError> {
    let bad = |cause: String| ConfigError::BadPrefix {
        text: text.to_owned(),
        cause,
    };
    let prefix = match text.parse::<IpNet>() {
        Ok(prefix) => prefix,
        // A single address is the prefix of that address.
        Err(error) => match text.parse::<std::net::IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => return Err(bad(error.to_string())),
        },
    };
    if prefix.trunc() != prefix {
        return Err(bad(format!(
            "bits are set behind the prefix; do you mean {}?",
            prefix.trunc()
        )));
    }
    Ok(prefix)
}

/// A sensor's id, checked; the host's name where none is given.
///
/// # Errors
/// It has other characters than an id can have, or too many.
pub fn check_id(id: Option<String>) -> Result<String, ConfigError> {
    let id = match id {
        Some(id) => id,
        None => nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok())
            .unwrap_or_else(|| "sensor".to_owned()),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > 64 || !id.chars().all(fits) {
        return Err(ConfigError::BadId(id));
    }
    Ok(id)
}

pub(super) fn check_interval(interval: Option<jiff::SignedDuration>) -> Result<Duration, ConfigError> {
    let Some(interval) = interval else {
        return Ok(Duration::from_secs(10));
    };
    Duration::try_from(interval)
        .ok()
        .filter(|interval| (Duration::from_millis(100)..=Duration::from_hours(1)).contains(interval))
        .ok_or(ConfigError::BadInterval(interval))
}

pub(super) fn within(
    key: &'static str,
    value: Option<u64>,
    default: usize,
    least: u64,
    most: u64,
) -> Result<usize, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    if !(least..=most).contains(&value) {
        return Err(ConfigError::OutOfRange {
            key,
            value,
            least,
            most,
        });
    }
    usize::try_from(value).map_err(|_| ConfigError::OutOfRange {
        key,
        value,
        least,
        most,
    })
}

pub(super) fn power_of_two(
    key: &'static str,
    value: Option<u64>,
    default: u32,
    least: u64,
    most: u64,
) -> Result<u32, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    if !value.is_power_of_two() {
        return Err(ConfigError::NoPowerOfTwo {
            key,
            value,
            near: value
                .checked_next_power_of_two()
                .unwrap_or(most)
                .clamp(least, most),
        });
    }
    u32::try_from(value)
        .ok()
        .filter(|_| (least..=most).contains(&value))
        .ok_or(ConfigError::OutOfRange {
            key,
            value,
            least,
            most,
        })
}
