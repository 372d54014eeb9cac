//! What is shipped, and when it is tried again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use sensor_records::{
    Day, Digest, Manifest, Place, RecordsError,
    layout::{MANIFEST_FILE, MANIFESTS},
};
use tokio::sync::watch;

use crate::{ShipError, Status, Target};

/// How often new files are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The first and the longest wait after a failure; each failure doubles it.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

/// By which a manifest on the disk is known to be another one: when it was written, and its bytes.
type Stamp = (SystemTime, u64);

/// Ships the files of one sensor.
pub struct Shipper {
    root: PathBuf,
    sensor: String,
    target: Target,
    status: Arc<Status>,
    /// What is known to be at the destination, of days that have something left to ship.
    shipped: HashMap<Place, Digest>,
    /// Days whose manifest at the destination was looked at.
    known: HashSet<Day>,
    /// Days that are at the destination whole, by the manifest that they had then.
    done: HashMap<Day, Stamp>,
    /// What is not what was written; each is said once.
    damaged: HashSet<Place>,
    look_every: Duration,
    wait: (Duration, Duration),
}

/// A day that is not at the destination whole.
struct Open {
    day: Day,
    stamp: Stamp,
    manifest: Manifest,
}

impl Shipper {
    /// A shipper of a sensor's files in a directory of records.
    #[must_use]
    pub fn new(root: &Path, sensor: &str, target: Target, status: Arc<Status>) -> Self {
        Self {
            root: root.to_owned(),
            sensor: sensor.to_owned(),
            target,
            status,
            shipped: HashMap::new(),
            known: HashSet::new(),
            done: HashMap::new(),
            damaged: HashSet::new(),
            look_every: LOOK_EVERY,
            wait: WAIT,
        }
    }

    /// The same with other times between two looks, and after failures.
    #[must_use]
    pub fn with_times(mut self, look_every: Duration, wait: (Duration, Duration)) -> Self {
        (self.look_every, self.wait) = (look_every, wait);
        self
    }

    /// Ships whatever there is until `stop` says so, or is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut wait = self.wait.0;
        let mut complained = false;
        loop {
            let rest = tokio::select! {
                done = self.round() => match done {
                    Ok(()) => {
                        if std::mem::take(&mut complained) {
                            tracing::info!("records are shipped again");
                        }
                        wait = self.wait.0;
                        self.look_every
                    }
                    Err(error) => {
                        self.status.fail();
                        tracing::warn!(
                            error = error.chain(), backlog = self.status.backlog(), seconds = wait.as_secs_f64(),
                            "records wait to be shipped"
                        );
                        complained = true;
                        let rest = wait;
                        wait = (wait * 2).min(self.wait.1);
                        rest
                    }
                },
                _ = stop.wait_for(|stop| *stop) => return,
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Ships all that is listed and not at the destination yet, the oldest first.
    ///
    /// # Errors
    /// The destination refuses; what was shipped before stays so.
    pub async fn round(&mut self) -> Result<(), ShipError> {
        let open = self.open()?;
        let mut backlog = open.values().map(|open| open.manifest.files.len()).sum();
        self.status.set_backlog(backlog);
        for open in open.into_values() {
            self.ask(&open).await?;
            let mut whole = true;
            for (place, digest) in &open.manifest.files {
                if self.shipped.get(place) != Some(digest) {
                    if !self.ship(place, *digest).await? {
                        whole = false;
                        if self.damaged.insert(place.clone()) {
                            tracing::error!(%place, "the file is not what was written: it is not shipped");
                        }
                        continue;
                    }
                    self.shipped.insert(place.clone(), *digest);
                }
                backlog -= 1;
                self.status.set_backlog(backlog);
            }
            self.ship_manifest(&open).await?;
            if whole {
                self.shipped.retain(|place, _| place.day != open.day);
                self.done.insert(open.day, open.stamp);
            }
        }
        Ok(())
    }

    /// The days of this sensor that have something to ship. A manifest that is damaged is passed over: `verify` says so.
    fn open(&self) -> Result<BTreeMap<Day, Open>, ShipError> {
        let mut open = BTreeMap::new();
        let entries = match fs::read_dir(self.root.join(MANIFESTS)) {
            Ok(entries) => entries,
            // Nothing was ever closed here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(open),
            Err(source) => {
                return Err(RecordsError::Io {
                    what: "list",
                    path: self.root.join(MANIFESTS),
                    source,
                }
                .into());
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(Ok(day)) = name.strip_prefix("date=").map(str::parse) else {
                continue;
            };
            let path = self.root.join(Manifest::new(day, &self.sensor).path());
            let stamp = fs::metadata(path).and_then(|data| Ok((data.modified()?, data.len())));
            // This sensor has nothing of that day.
            let Ok(stamp) = stamp else { continue };
            if self.done.get(&day) == Some(&stamp) {
                continue;
            }
            match Manifest::read(&self.root, day, &self.sensor) {
                Ok(manifest) => {
                    open.insert(day, Open { day, stamp, manifest });
                }
                Err(error) => tracing::error!(%error, "a day is not shipped"),
            }
        }
        Ok(open)
    }

    /// Learns once a day from the manifest at the destination what is there: it was verified before it was listed.
    async fn ask(&mut self, open: &Open) -> Result<(), ShipError> {
        if self.known.contains(&open.day) {
            return Ok(());
        }
        if let Some(there) = self.manifest_there(open.day).await? {
            self.shipped.extend(there.files);
        }
        self.known.insert(open.day);
        Ok(())
    }

    async fn manifest_there(&self, day: Day) -> Result<Option<Manifest>, ShipError> {
        let bytes = self.target.read(&self.manifest_path(day)).await?;
        // One that is damaged says nothing; a whole one takes its place.
        Ok(bytes.and_then(|bytes| Manifest::parse(&bytes, day, &self.sensor).ok()))
    }

    fn manifest_path(&self, day: Day) -> String {
        let folder = Place::manifest_folder(day, &self.sensor);
        format!("{}/{MANIFEST_FILE}", folder.display())
    }

    /// Ships one file, unless it is there already, and looks that it arrived as it was sent. A damaged one is not sent.
    async fn ship(&self, place: &Place, digest: Digest) -> Result<bool, ShipError> {
        let bytes = match fs::read(self.root.join(place.path())) {
            Ok(bytes) => bytes,
            // Removed since the manifest was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(source) => {
                return Err(ShipError::Read {
                    place: place.clone(),
                    source,
                });
            }
        };
        if Digest::of(&bytes) != digest {
            return Ok(false);
        }
        let path = place.to_string();
        if self.target.size(&path).await? == Some(bytes.len() as u64) && self.is_there(&path, digest).await? {
            return Ok(true);
        }
        self.target.write(&path, bytes).await?;
        if !self.is_there(&path, digest).await? {
            return Err(ShipError::Different(path));
        }
        self.status.ship();
        tracing::debug!(%place, "shipped");
        Ok(true)
    }

    async fn is_there(&self, path: &str, digest: Digest) -> Result<bool, ShipError> {
        let found = self.target.read(path).await?;
        Ok(found.is_some_and(|found| Digest::of(&found) == digest))
    }

    /// Ships a day's manifest: what is at the destination now, and what it listed before, for what the sensor removed is
    /// there still.
    async fn ship_manifest(&self, open: &Open) -> Result<(), ShipError> {
        let there = self.manifest_there(open.day).await?;
        let mut all = Manifest::new(open.day, &self.sensor);
        if let Some(there) = &there {
            all.files.extend(there.files.clone());
        }
        let shipped = open.manifest.files.iter();
        let shipped = shipped.filter(|(place, digest)| self.shipped.get(place) == Some(digest));
        all.files
            .extend(shipped.map(|(place, digest)| (place.clone(), *digest)));
        if all.files.is_empty() || there.as_ref() == Some(&all) {
            return Ok(());
        }
        let text = all.to_string();
        let digest = Digest::of(text.as_bytes());
        let path = self.manifest_path(open.day);
        self.target.write(&path, text.into_bytes()).await?;
        if self.is_there(&path, digest).await? {
            Ok(())
        } else {
            Err(ShipError::Different(path))
        }
    }
}
