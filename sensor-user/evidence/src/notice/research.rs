//! Scanners that are known for research: a table that marks them, and that a user extends in TOML.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::escape::is_label;

const BUILT_IN: &str = include_str!("research.toml");

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum ResearchError {
    /// It is no TOML, or has a key that cannot be.
    #[error("the table of research scanners cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A name that is no label.
    #[error("`{0}` in the table of research scanners is no name: a-z, 0-9 and _, a letter first, at most 32")]
    Name(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    scanner: Vec<Scanner>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scanner {
    name: String,
    #[expect(dead_code, reason = "for who reads the table: an entry without it is refused")]
    source: String,
    networks: Vec<IpNet>,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Research {
    networks: Vec<(IpNet, String)>,
}

impl Research {
    /// The built-in table, and a user's.
    ///
    /// # Errors
    /// The user's is not in the form of the built-in one.
    pub fn with(user: &str) -> Result<Self, ResearchError> {
        let mut networks = Vec::new();
        for text in [BUILT_IN, user] {
            for scanner in toml::from_str::<File>(text)?.scanner {
                if !is_label(&scanner.name) {
                    return Err(ResearchError::Name(scanner.name.escape_default().to_string()));
                }
                networks.extend(
                    scanner
                        .networks
                        .iter()
                        .map(|network| (*network, scanner.name.clone())),
                );
            }
        }
        Ok(Self { networks })
    }

    /// Whose scanner it is.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<&str> {
        self.networks
            .iter()
            .find(|(network, _)| network.contains(&address))
            .map(|(_, name)| name.as_str())
    }
}
