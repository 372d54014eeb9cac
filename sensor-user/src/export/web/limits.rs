//! How many connections there may be at a time, in all and by one client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Connections at a time.
const MOST: usize = 128;
/// Of one address: nobody takes all places.
const MOST_OF_ONE: usize = 32;

/// The places that are taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A place. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    client: IpAddr,
}

impl Limits {
    /// A place for this client, if there is one left.
    pub(super) fn enter(&self, client: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_client.get(&client).copied().unwrap_or(0);
        if taken.all >= MOST || own >= MOST_OF_ONE {
            return None;
        }
        taken.all += 1;
        taken.by_client.insert(client, own + 1);
        Some(Place {
            taken: Arc::clone(&self.taken),
            client,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by_client.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(number: usize) -> IpAddr {
        Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into()
    }

    #[test]
    fn nobody_takes_all_places_and_a_place_comes_back() {
        let limits = Limits::default();
        let mut places: Vec<_> = (0..MOST_OF_ONE)
            .map(|_| limits.enter(client(1)).unwrap())
            .collect();
        assert!(limits.enter(client(1)).is_none());
        places.extend((MOST_OF_ONE..MOST).map(|number| limits.enter(client(1000 + number)).unwrap()));
        assert!(limits.enter(client(2)).is_none());
        places.pop();
        drop(limits.enter(client(2)).unwrap());
        drop(places);
        assert_eq!(limits.taken.lock().unwrap().all, 0);
        assert!(limits.taken.lock().unwrap().by_client.is_empty());
    }
}
