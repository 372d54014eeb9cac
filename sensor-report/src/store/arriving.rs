//! Files on their way to several readers: each is handed out once.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use sensor_records::Place;

use super::{Local, Store, StoreError, remote::Fetched};

/// Files that readers ask for one after the other.
pub(crate) struct Arriving<'places> {
    places: &'places [Place],
    source: Source<'places>,
}

enum Source<'store> {
    /// Whoever asks reads the next one himself.
    Here(&'store Local, AtomicUsize),
    /// Many are asked for at once, and come in any order.
    Away(Mutex<Fetched>),
}

impl<'places> Arriving<'places> {
    pub(crate) fn new(store: &'places Store, places: &'places [Place]) -> Self {
        let source = match store {
            Store::Local(local) => Source::Here(local, AtomicUsize::new(0)),
            Store::Remote(remote) => Source::Away(Mutex::new(remote.fetch(places))),
        };
        Self { places, source }
    }

    /// The next file that is there; `None` when all were handed out.
    pub(crate) fn next(&self) -> Option<(&'places Place, Result<Bytes, StoreError>)> {
        match &self.source {
            Source::Here(local, next) => {
                let place = self.places.get(next.fetch_add(1, Ordering::Relaxed))?;
                Some((place, local.read(place)))
            }
            Source::Away(fetched) => {
                // A reader that died took its own file with it, and no other's.
                let mut fetched = fetched.lock().unwrap_or_else(PoisonError::into_inner);
                let (index, bytes) = fetched.next()?;
                Some((self.places.get(index)?, bytes))
            }
        }
    }
}
