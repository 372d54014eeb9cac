//! Records in an S3-compatible object store.

use std::{
    ops::RangeInclusive,
    path::{Path as FilePath, PathBuf},
    sync::{Arc, mpsc},
};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use sensor_records::{Day, Place, Table};
use sensor_ship::ShipError;
use tokio::{
    runtime::Runtime,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc as channel},
};

use super::{StoreError, each_day};

/// Objects that are asked for at once, and held until a reader takes them: small ones, whose cost is the way there and back.
const AT_ONCE: usize = 64;
/// Folders that are listed at once.
const LISTED_AT_ONCE: usize = 16;

/// How an object store is asked.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The S3-compatible store, where it is not Amazon's.
    pub endpoint: Option<String>,
    /// A file with lines `AWS_…=…`; the environment without.
    pub credentials: Option<PathBuf>,
}

/// A folder of an object store.
#[derive(Clone, Debug)]
pub struct Remote {
    runtime: Arc<Runtime>,
    store: Arc<dyn ObjectStore>,
    prefix: String,
    location: String,
}

impl Remote {
    pub(super) fn open(location: &str, access: &Access) -> Result<Self, StoreError> {
        let failed = |cause: String| StoreError::Access {
            location: location.to_owned(),
            cause,
        };
        let endpoint = access.endpoint.as_deref();
        let opened = sensor_ship::open_to_read(location, endpoint, access.credentials.as_deref());
        let (store, prefix) = opened.map_err(|error| match error {
            ShipError::NoCredentials => StoreError::NoCredentials(location.to_owned()),
            ShipError::Destination { .. } => StoreError::Location(location.to_owned()),
            other => failed(other.to_string()),
        })?;
        let runtime =
            Runtime::new().map_err(|error| failed(format!("no threads can be started: {error}")))?;
        Ok(Self {
            runtime: Arc::new(runtime),
            store,
            prefix,
            location: location.to_owned(),
        })
    }

    /// As it was given.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The store itself, from its bucket on.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    fn at(&self, path: &FilePath) -> Path {
        let path = path.to_string_lossy();
        if self.prefix.is_empty() {
            Path::from(path.as_ref())
        } else {
            Path::from(format!("{}/{path}", self.prefix))
        }
    }

    /// Waits for what is asked on other threads, wherever it is called from.
    fn wait<T: Send + 'static>(
        &self,
        asked: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, answer) = mpsc::channel();
        self.runtime.spawn(async move {
            // Who asked waits for it.
            let _ = done.send(asked.await);
        });
        answer.recv().map_err(|_| StoreError::Asking)?
    }

    /// Names of a table's folders.
    pub(super) fn days(&self, table: Table) -> Result<Vec<String>, StoreError> {
        let (store, at) = (Arc::clone(&self.store), self.at(FilePath::new(table.name())));
        self.wait(async move {
            let listed = store.list_with_delimiter(Some(&at)).await;
            let folders = listed.map_err(failed(&at))?.common_prefixes;
            Ok(folders
                .iter()
                .filter_map(|folder| folder.filename().map(str::to_owned))
                .collect())
        })
    }

    pub(super) fn files(&self, table: Table, days: &RangeInclusive<Day>) -> Result<Vec<Place>, StoreError> {
        let folders: Vec<Path> = each_day(days)
            .map(|day| self.at(FilePath::new(&format!("{table}/date={day}"))))
            .collect();
        let (store, prefix) = (Arc::clone(&self.store), self.prefix.clone());
        self.wait(async move {
            let permits = Arc::new(Semaphore::new(LISTED_AT_ONCE));
            let mut listings = Vec::new();
            for folder in folders {
                let permit = Arc::clone(&permits).acquire_owned().await;
                let store = Arc::clone(&store);
                listings.push(tokio::spawn(async move {
                    let _permit = permit;
                    let listed: Result<Vec<_>, _> = store.list(Some(&folder)).try_collect().await;
                    listed.map_err(failed(&folder))
                }));
            }
            let mut places = Vec::new();
            for listing in listings {
                let objects = listing.await.map_err(|_| StoreError::Asking)??;
                let within = objects.iter().filter_map(|object| {
                    let path = object.location.as_ref().strip_prefix(prefix.as_str())?;
                    Place::parse(FilePath::new(path.trim_start_matches('/'))).ok()
                });
                places.extend(within);
            }
            Ok(places)
        })
    }

    pub(super) fn read(&self, place: &Place) -> Result<Bytes, StoreError> {
        let (store, at) = (Arc::clone(&self.store), self.at(&place.path()));
        self.wait(async move { get(&*store, &at).await })
    }

    /// Asks for files in their order, many at once.
    pub(super) fn fetch(&self, places: &[Place]) -> Fetched {
        let paths: Vec<Path> = places.iter().map(|place| self.at(&place.path())).collect();
        let store = Arc::clone(&self.store);
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let (send, receiver) = channel::unbounded_channel();
        self.runtime.spawn(async move {
            for (index, path) in paths.into_iter().enumerate() {
                let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                    return;
                };
                // Nobody waits for more.
                if send.is_closed() {
                    return;
                }
                let (store, send) = (Arc::clone(&store), send.clone());
                tokio::spawn(async move {
                    let bytes = get(&*store, &path).await;
                    let _ = send.send((index, bytes, permit));
                });
            }
        });
        Fetched { receiver }
    }
}

/// An object that came: which of the files, its bytes, and what lets the next one be asked for.
type Object = (usize, Result<Bytes, StoreError>, OwnedSemaphorePermit);

/// Files that were asked for, as they come.
pub(super) struct Fetched {
    receiver: channel::UnboundedReceiver<Object>,
}

impl Fetched {
    /// The next one that is there: which one, and its bytes.
    pub(super) fn next(&mut self) -> Option<(usize, Result<Bytes, StoreError>)> {
        let (index, bytes, _) = self.receiver.blocking_recv()?;
        Some((index, bytes))
    }
}

async fn get(store: &dyn ObjectStore, path: &Path) -> Result<Bytes, StoreError> {
    let found = store.get(path).await.map_err(failed(path))?;
    found.bytes().await.map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(object_store::Error) -> StoreError + use<> {
    let path = path.to_string();
    move |source| StoreError::Object {
        path: path.clone(),
        source: Box::new(source),
    }
}
