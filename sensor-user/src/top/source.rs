//! Asks a sensor for its snapshot.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use ureq::{
    Agent,
    http::Uri,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{Options, history::ROW_LIMIT, picture::Picture};

/// The longest that one question may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer that is read: [`ROW_LIMIT`] rows of each list are under 1 MiB.
const ANSWER_BYTES: u64 = 16 << 20;

/// Where a sensor serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Uri);

/// An address at which no sensor can be asked.
#[derive(Debug, thiserror::Error)]
#[error("{given:?} is no address of a sensor: write it as in http://127.0.0.1:10023")]
pub struct BadAddress {
    given: String,
}

impl FromStr for Endpoint {
    type Err = BadAddress;

    fn from_str(given: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress {
            given: given.to_owned(),
        };
        let text = if given.contains("://") {
            given.to_owned()
        } else {
            format!("http://{given}")
        };
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let scheme_fits = matches!(uri.scheme_str(), Some("http" | "https"));
        // A user in the address would stand in the process list and on the screen.
        let plain_host = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        if scheme_fits && plain_host {
            Ok(Self(uri))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        formatter.write_str(text.trim_end_matches('/'))
    }
}

impl Endpoint {
    fn snapshot(&self) -> String {
        format!("{self}/api/v1/snapshot?limit={ROW_LIMIT}")
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file with certificates or a password cannot be used.
    #[error("cannot use {path} ({reason}): it must be readable and hold {content}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        content: &'static str,
        /// Why not.
        reason: String,
    },
    /// The sensor cannot be reached, or does not answer in time.
    #[error("no answer from {endpoint} ({reason}): is the sensor running, and does it listen there?")]
    Silent {
        /// The sensor.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// The sensor wants to know who asks.
    #[error(
        "{endpoint} wants a user and a password: give `--user NAME --password-file FILE`, or other ones where these \
         were given"
    )]
    Unauthorised {
        /// The sensor.
        endpoint: String,
    },
    /// The answer is none of a sensor.
    #[error("{endpoint} does not answer as a sensor ({reason}): is the address right?")]
    NoSensor {
        /// The sensor.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// The sensor says that it cannot tell now.
    #[error("{endpoint} is not ready: {reason}")]
    NotReady {
        /// The sensor.
        endpoint: String,
        /// What it says.
        reason: String,
    },
}

/// A sensor that can be asked.
#[derive(Clone)]
pub struct Source {
    agent: Agent,
    endpoint: Endpoint,
    authorization: Option<String>,
}

impl Source {
    /// Prepares to ask; nothing is sent yet.
    ///
    /// # Errors
    /// [`SourceError::File`].
    pub fn new(options: &Options) -> Result<Self, SourceError> {
        let mut config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0);
        if let Some(path) = &options.authority {
            let roots = RootCerts::from(certificates(path)?);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let authorization = options
            .credentials
            .as_ref()
            .map(|(user, path)| basic(user, path))
            .transpose()?;
        Ok(Self {
            agent: config.build().new_agent(),
            endpoint: options.endpoint.clone(),
            authorization,
        })
    }

    /// Asks once.
    ///
    /// # Errors
    /// All of [`SourceError`] but [`SourceError::File`].
    pub fn ask(&self) -> Result<Picture, SourceError> {
        let endpoint = || self.endpoint.to_string();
        let mut request = self.agent.get(self.endpoint.snapshot());
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut response = request.call().map_err(|error| SourceError::Silent {
            endpoint: endpoint(),
            reason: error.to_string(),
        })?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES);
        match status {
            200 => body
                .read_to_vec()
                .map_err(|error| error.to_string())
                .and_then(|bytes| read(&bytes))
                .map_err(|reason| SourceError::NoSensor {
                    endpoint: endpoint(),
                    reason,
                }),
            401 | 403 => Err(SourceError::Unauthorised { endpoint: endpoint() }),
            503 => Err(SourceError::NotReady {
                endpoint: endpoint(),
                reason: first_line(&body.read_to_string().unwrap_or_default()),
            }),
            status => Err(SourceError::NoSensor {
                endpoint: endpoint(),
                reason: format!("HTTP status {status}"),
            }),
        }
    }

    /// Asks again and again, on a thread of its own, so that a slow sensor does not hold up the keys.
    pub fn ask_every(&self, interval: Duration) -> Answers {
        let source = self.clone();
        let (sender, receiver) = mpsc::channel();
        // Ends by itself when nobody listens any more.
        thread::spawn(move || {
            while sender.send(source.ask()).is_ok() {
                thread::sleep(interval);
            }
        });
        Answers(receiver)
    }
}

/// What the sensor has answered.
pub struct Answers(Receiver<Result<Picture, SourceError>>);

impl Answers {
    /// The next one, where there is one.
    pub fn next(&self) -> Option<Result<Picture, SourceError>> {
        self.0.try_recv().ok()
    }
}

/// Reads a snapshot. Every key may be missing but the one that says what this is.
fn read(bytes: &[u8]) -> Result<Picture, String> {
    let picture: Picture = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if picture.schema == 0 {
        return Err("what it sends is no snapshot".to_owned());
    }
    Ok(picture.printable())
}

/// The sensor's own words, kept short and printable.
fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|letter| (' '..='~').contains(letter))
        .take(200)
        .collect()
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, SourceError> {
    let bad = |reason: String| SourceError::File {
        path: path.to_owned(),
        content: "certificates in PEM",
        reason,
    };
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| bad(error.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(bad("no certificate in it".to_owned()));
    }
    Ok(found)
}

/// The header of basic authentication (RFC 7617).
fn basic(user: &str, path: &Path) -> Result<String, SourceError> {
    let password = std::fs::read_to_string(path).map_err(|error| SourceError::File {
        path: path.to_owned(),
        content: "the password",
        reason: error.to_string(),
    })?;
    let password = password.trim_end_matches(['\r', '\n']);
    Ok(format!(
        "Basic {}",
        base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("{user}:{password}")
        )
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn source(endpoint: &str) -> Source {
        Source::new(&Options {
            endpoint: endpoint.parse().unwrap(),
            credentials: None,
            authority: None,
            interval: Duration::from_secs(1),
            plain: true,
            once: true,
            colours: false,
        })
        .unwrap()
    }

    /// A server that gives one answer.
    fn answering(answer: &'static str) -> Source {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        });
        source(&address)
    }

    #[test]
    fn an_address_is_completed_and_a_wrong_one_refused() {
        for (given, shown) in [
            ("127.0.0.1:10023", "http://127.0.0.1:10023"),
            ("http://sensor.example:1/", "http://sensor.example:1"),
            ("https://[::1]:10023/sensor/a", "https://[::1]:10023/sensor/a"),
        ] {
            assert_eq!(given.parse::<Endpoint>().unwrap().to_string(), shown);
        }
        for given in [
            "",
            "ftp://a",
            "http://user:secret@a/",
            "http://",
            "a b",
            "file:///etc/passwd",
        ] {
            let error = given.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:10023"), "{given}: {error}");
        }
    }

    #[test]
    fn every_wrong_answer_is_an_error_with_its_cure() {
        for (answer, expected) in [
            (
                "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
                "--password-file",
            ),
            (
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
                "status 404",
            ),
            (
                "HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\n\x1b[2Jstart",
                "not ready: [2Jstart",
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
                "is the address right",
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"seen\":",
                "is the address right",
            ),
            ("SSH-2.0-OpenSSH\r\n", "no answer from"),
        ] {
            let error = answering(answer).ask().unwrap_err().to_string();
            assert!(error.contains(expected), "{answer:?}: {error}");
        }
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = source(&closed.to_string()).ask().unwrap_err().to_string();
        assert!(error.contains("is the sensor running"), "{error}");
    }

    #[test]
    fn the_password_comes_from_a_file_and_its_line_end_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "open sesame\n").unwrap();
        // The example of RFC 7617, section 2.
        assert_eq!(
            basic("Aladdin", &file).unwrap(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert!(basic("Aladdin", &folder.path().join("none")).is_err());
    }
}
