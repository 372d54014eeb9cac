//! Maps of small keys: many millions of look-ups, which the standard library's hasher would make half of all work.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

/// A map of keys that hash quickly.
pub(crate) type Map<K, V> = HashMap<K, V, RandomState>;

/// A set of such keys.
pub(crate) type Set<K> = HashSet<K, RandomState>;
