//! The file of `--web.config.file`: the format of Prometheus' exporter-toolkit, as far as it can be kept.
//!
//! <https://prometheus.io/docs/prometheus/latest/configuration/https/>

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;

use super::tls;

/// A password that takes longer than this to try (2^16 rounds: some 4 s) is a way to keep the service busy.
const MOST_COST: u32 = 16;
/// The headers that the format knows.
const HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
];

/// What can be wrong with the web configuration.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// A file cannot be read.
    #[error(
        "the web configuration needs {path}, which cannot be read ({cause}): name a file that this user can read"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The file is not what it should be.
    #[error(
        "the web configuration {path} is not valid: {cause}\nits format is that of Prometheus' exporter-toolkit"
    )]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        cause: String,
    },
    /// A value is known and not kept.
    #[error("the web configuration's `{key}` cannot be {value}: {cure}")]
    Value {
        /// Which key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What to write.
        cure: &'static str,
    },
    /// Certificate and key do not fit, or the authority is none.
    #[error(
        "the web configuration's TLS cannot be used ({cause}): give `cert_file` and `key_file` of one pair, in PEM"
    )]
    Tls {
        /// Why.
        cause: String,
    },
}

/// The tables of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tables {
    tls_server_config: Option<TlsTable>,
    http_server_config: HttpTable,
    basic_auth_users: BTreeMap<String, String>,
}

/// `tls_server_config`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TlsTable {
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    pub(super) client_auth_type: String,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) min_version: Option<String>,
    pub(super) max_version: Option<String>,
    pub(super) cipher_suites: Vec<String>,
    /// The server's order is always the one that counts, unless this says otherwise.
    pub(super) prefer_server_cipher_suites: Option<bool>,
    pub(super) curve_preferences: Vec<String>,
}

/// `http_server_config`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HttpTable {
    /// HTTP/1.1 is all that is spoken; a client that could do more does that.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    headers: BTreeMap<String, String>,
}

/// A file as it was read.
#[derive(Debug)]
pub(super) struct WebFile {
    path: PathBuf,
    tables: Tables,
}

impl WebFile {
    pub(super) fn read(path: &Path) -> Result<Self, WebError> {
        let text = fs::read_to_string(path).map_err(|error| WebError::Read {
            path: path.to_owned(),
            cause: error.to_string(),
        })?;
        let mut tables: Tables = if text
            .lines()
            .all(|line| line.trim_start().starts_with('#') || line.trim().is_empty())
        {
            Tables::default()
        } else {
            serde_saphyr::from_str(&text).map_err(|error| WebError::Syntax {
                path: path.to_owned(),
                cause: error.to_string(),
            })?
        };
        // What is not absolute is beside the file.
        let folder = path.parent().unwrap_or(Path::new(""));
        if let Some(tls) = &mut tables.tls_server_config {
            for file in [
                Some(&mut tls.cert_file),
                Some(&mut tls.key_file),
                tls.client_ca_file.as_mut(),
            ]
            .into_iter()
            .flatten()
            {
                *file = folder.join(&*file);
            }
        }
        Ok(Self {
            path: path.to_owned(),
            tables,
        })
    }

    /// The file itself, and all that it names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.path.clone()];
        if let Some(tls) = &self.tables.tls_server_config {
            files.extend([tls.cert_file.clone(), tls.key_file.clone()]);
            files.extend(tls.client_ca_file.clone());
        }
        files
    }

    pub(super) fn tls(&self) -> Result<Option<TlsAcceptor>, WebError> {
        self.tables
            .tls_server_config
            .as_ref()
            .map(tls::acceptor)
            .transpose()
    }

    pub(super) fn users(&self) -> Result<BTreeMap<String, String>, WebError> {
        for (user, hash) in &self.tables.basic_auth_users {
            let fits = bcrypt::HashParts::from_str(hash).is_ok_and(|parts| parts.get_cost() <= MOST_COST);
            if !fits {
                return Err(WebError::Value {
                    key: "basic_auth_users",
                    value: format!("what it is for `{user}`"),
                    cure: "write a bcrypt hash of a cost up to 16, as `htpasswd -nBC 10 USER` prints it",
                });
            }
        }
        Ok(self.tables.basic_auth_users.clone())
    }

    pub(super) fn headers(&self) -> Result<HeaderMap, WebError> {
        let refused = |name: &str| WebError::Value {
            key: "http_server_config.headers",
            value: format!("`{name}`"),
            cure: "name Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options or \
                   X-XSS-Protection, with a value of printable characters",
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &self.tables.http_server_config.headers {
            if !HEADERS.contains(&name.as_str()) {
                return Err(refused(name));
            }
            let (key, value) = (HeaderName::from_str(name), HeaderValue::from_str(value));
            let (Ok(key), Ok(value)) = (key, value) else {
                return Err(refused(name));
            };
            headers.insert(key, value);
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        fs::write(&path, text).unwrap();
        let error = WebFile::read(&path).and_then(|file| {
            file.users()?;
            file.headers()?;
            file.tls()
        });
        match error {
            Err(error) => error.to_string(),
            Ok(_) => panic!("accepted: {text}"),
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused_with_its_cure() {
        let hash = "$2y$17$PyVc3XjXAMSbKVB9cA0vpuhkqWvEHSPw4ZuXbmSBSDCV8v0HQOJ.m";
        for (text, part) in [
            (
                "tls_server_config:\n  cert_file: a.pem\n  key_file: a.key\n",
                "a.pem",
            ),
            ("tls_server_config:\n  certificate: a.pem\n", "certificate"),
            (
                "tls_server_config:\n  client_allowed_sans: [a]\n",
                "client_allowed_sans",
            ),
            ("basic_auth_users:\n  alice: secret\n", "htpasswd -nBC 10"),
            (&format!("basic_auth_users:\n  alice: {hash}\n"), "cost up to 16"),
            (
                "http_server_config:\n  headers:\n    X-Powered-By: me\n",
                "X-Powered-By",
            ),
            ("basic_auth_users: [alice]\n", "not valid"),
            ("user: alice\n", "user"),
            ("{", "not valid"),
        ] {
            let said = refused(text);
            assert!(said.contains(part), "{text}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn an_empty_file_is_plain_http() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        fs::write(&path, "# nothing\n\n").unwrap();
        let file = WebFile::read(&path).unwrap();
        assert!(file.tls().unwrap().is_none() && file.users().unwrap().is_empty());
        assert_eq!(file.files(), [path]);
    }
}
