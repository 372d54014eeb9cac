//! Where records are shipped to.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path as FilePath, sync::Arc, time::Duration};

use crate::ShipError;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum},
    local::LocalFileSystem,
    path::Path,
};

/// How long one request may take: files are small.
const REQUEST_PATIENCE: Duration = Duration::from_mins(1);

/// Settings that say who asks. Without any of them the store would be asked for under the name of the machine, which
/// nobody said.
const IDENTITIES: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// A destination.
#[derive(Clone, Debug)]
pub struct Target {
    store: Arc<dyn ObjectStore>,
    prefix: String,
}

impl Target {
    /// Opens `s3://BUCKET/PREFIX`, or a directory by its whole path. `endpoint` is that of another S3-compatible store than
    /// Amazon's; credentials are taken from the environment (`AWS_…`), or from a file with such lines.
    ///
    /// # Errors
    /// The destination or the credentials cannot be understood. Nothing is asked of the destination yet.
    pub fn open(to: &str, endpoint: Option<&str>, credentials: Option<&FilePath>) -> Result<Self, ShipError> {
        let refuse = |cause: String| ShipError::Destination {
            to: to.to_owned(),
            cause,
        };
        if to.starts_with('/') {
            fs::create_dir_all(to).map_err(|error| refuse(error.to_string()))?;
            let store = LocalFileSystem::new_with_prefix(to).map_err(|error| refuse(error.to_string()))?;
            return Ok(Self {
                store: Arc::new(store.with_fsync(true)),
                prefix: String::new(),
            });
        }
        // Whoever ships tries again by itself, and says so.
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 1,
            retry_timeout: REQUEST_PATIENCE,
        };
        let (store, prefix) = s3(to, endpoint, credentials, retry)?;
        Ok(Self { store, prefix })
    }

    /// The path of a file at the destination.
    fn at(&self, path: &str) -> Path {
        if self.prefix.is_empty() {
            Path::from(path)
        } else {
            Path::from(format!("{}/{path}", self.prefix))
        }
    }

    /// The bytes of a file, if it is there.
    pub(crate) async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ShipError> {
        let failed = failed("read", path);
        match self.store.get(&self.at(path)).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(failed)?.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// How many bytes a file has, if it is there.
    pub(crate) async fn size(&self, path: &str) -> Result<Option<u64>, ShipError> {
        match self.store.head(&self.at(path)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed("look at", path)(error)),
        }
    }

    /// Puts a file there, whole.
    pub(crate) async fn write(&self, path: &str, bytes: Vec<u8>) -> Result<(), ShipError> {
        let put = self.store.put(&self.at(path), bytes.into()).await;
        put.map(drop).map_err(failed("write", path))
    }
}

/// Opens `s3://BUCKET/PREFIX` for whoever reads there: the store, and the prefix without strokes at its ends. Requests that
/// fail are tried again for a while. See [`Target::open`].
///
/// # Errors
/// The place or the credentials cannot be understood. Nothing is asked of the store yet.
pub fn open_to_read(
    from: &str,
    endpoint: Option<&str>,
    credentials: Option<&FilePath>,
) -> Result<(Arc<dyn ObjectStore>, String), ShipError> {
    s3(from, endpoint, credentials, RetryConfig::default())
}

fn s3(
    url: &str,
    endpoint: Option<&str>,
    credentials: Option<&FilePath>,
    retry: RetryConfig,
) -> Result<(Arc<dyn ObjectStore>, String), ShipError> {
    let refuse = |cause: String| ShipError::Destination {
        to: url.to_owned(),
        cause,
    };
    let Some((bucket, prefix)) = url
        .strip_prefix("s3://")
        .map(|rest| rest.split_once('/').unwrap_or((rest, "")))
    else {
        return Err(refuse("it is neither of S3 nor a directory".to_owned()));
    };
    if bucket.is_empty() {
        return Err(refuse("it names no bucket".to_owned()));
    }
    // The process may have one already, and then that serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = settings(credentials)?;
    if !settings.iter().any(|(key, _)| IDENTITIES.contains(&key.as_str())) {
        return Err(ShipError::NoCredentials);
    }
    let mut builder = AmazonS3Builder::new()
        .with_region("us-east-1")
        .with_client_options(ClientOptions::new().with_timeout(REQUEST_PATIENCE));
    for (key, value) in settings {
        if let Ok(key) = key.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = endpoint {
        builder = builder
            .with_endpoint(endpoint)
            .with_allow_http(endpoint.starts_with("http://"));
    }
    let store = builder
        .with_bucket_name(bucket)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_retry(retry)
        .build()
        .map_err(|error| refuse(error.to_string()))?;
    Ok((Arc::new(store), prefix.trim_matches('/').to_owned()))
}

fn failed(what: &'static str, path: &str) -> impl Fn(object_store::Error) -> ShipError + use<> {
    let path = path.to_owned();
    move |source| ShipError::Store {
        what,
        path: path.clone(),
        source: Box::new(source),
    }
}

/// The settings `AWS_…`, from a file or from the environment.
fn settings(credentials: Option<&FilePath>) -> Result<Vec<(String, String)>, ShipError> {
    let Some(path) = credentials else {
        let ours = env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        return Ok(ours.filter(|(key, _)| key.starts_with("AWS_")).collect());
    };
    let refuse = |cause: String| ShipError::Credentials {
        path: path.to_owned(),
        cause,
    };
    let data = fs::metadata(path).map_err(|error| refuse(error.to_string()))?;
    if data.permissions().mode() & 0o077 != 0 {
        return Err(refuse("others than its owner can use it".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself is not said: it may be the secret.
        match line.split_once('=') {
            Some((key, value)) if key.starts_with("AWS_") => {
                found.push((key.to_owned(), value.trim_matches('"').to_owned()));
            }
            _ => return Err(refuse(format!("line {number} is no AWS_NAME=VALUE"))),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_credentials_is_read_where_it_is_its_owners_alone_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials");
        fs::write(
            &path,
            "# ours\nAWS_ACCESS_KEY_ID=me\nAWS_SECRET_ACCESS_KEY=\"hush\"\n",
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let open = settings(Some(&path)).unwrap_err().to_string();
        assert!(open.contains("others than its owner"), "{open}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let found = settings(Some(&path)).unwrap();
        assert_eq!(found[1], ("AWS_SECRET_ACCESS_KEY".to_owned(), "hush".to_owned()));
        fs::write(&path, "hush\n").unwrap();
        let refused = settings(Some(&path)).unwrap_err().to_string();
        assert!(
            refused.contains("line 1") && !refused.contains("hush"),
            "{refused}"
        );
        fs::write(&path, "AWS_ACCESS_KEY_ID=me\nAWS_SECRET_ACCESS_KEY=hush\n").unwrap();
        let target = Target::open("s3://bucket/a/b", Some("http://127.0.0.1:1"), Some(&path)).unwrap();
        assert!(!format!("{target:?}").contains("hush"));
        assert_eq!(target.at("cells/x").as_ref(), "a/b/cells/x");
    }

    #[test]
    fn what_is_no_destination_is_refused() {
        for to in ["", "records", "ftp://host/x", "s3:", "s3:///x", "http://bucket"] {
            assert!(
                matches!(Target::open(to, None, None), Err(ShipError::Destination { .. })),
                "{to}"
            );
        }
    }
}
