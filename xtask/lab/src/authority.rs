//! Certificates made by openssl for a run: an authority, a server on loopback, and clients.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

/// What stands in a web configuration beside the certificates.
pub const TLS: &str = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";

/// Certificates and keys in a folder, `NAME.pem` and `NAME.key`.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    /// An authority `ca`, a `server` of it at 127.0.0.1, a `client` of it; and a client `stranger` of `other`.
    ///
    /// # Errors
    /// There is no openssl.
    pub fn make() -> Result<Self> {
        let authority = Self {
            folder: TempDir::new()?,
        };
        for name in ["ca", "other"] {
            authority.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name} \
                 -keyout {name}.key -out {name}.pem"
            ))?;
        }
        authority.sign("server", "ca")?;
        authority.sign("client", "ca")?;
        authority.sign("stranger", "other")?;
        Ok(authority)
    }

    /// A certificate for 127.0.0.1, in the place of an older one.
    ///
    /// # Errors
    /// There is no openssl, or no authority `by`.
    pub fn sign(&self, name: &str, by: &str) -> Result<()> {
        fs::write(
            self.folder.path().join("extensions"),
            "subjectAltName=IP:127.0.0.1\n",
        )?;
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout {name}.key -out \
             {name}.csr"
        ))?;
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -CAcreateserial -days 2 -extfile extensions -out \
             {name}.pem"
        ))
    }

    fn openssl(&self, arguments: &str) -> Result<()> {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .context("openssl cannot be run: install it with `apt-get install openssl`")?;
        ensure!(
            output.status.success(),
            "openssl {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Where everything lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Writes a web configuration, and gives its path.
    ///
    /// # Errors
    /// The disk is full.
    pub fn write(&self, text: &str) -> Result<String> {
        fs::write(self.folder.path().join("web.yml"), text)?;
        Ok(self.file("web.yml"))
    }
}
