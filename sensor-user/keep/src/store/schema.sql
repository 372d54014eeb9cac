-- The open hour. Keys are never missing here: -1 and '' stand for a missing one.
CREATE TABLE IF NOT EXISTS hours (
    hour INTEGER PRIMARY KEY,
    closing TEXT NOT NULL,
    coverage BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS days (day INTEGER PRIMARY KEY, closing TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sensors (valid_from INTEGER PRIMARY KEY, description BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cells (
    hour INTEGER NOT NULL,
    transport TEXT NOT NULL,
    port INTEGER NOT NULL,
    class TEXT NOT NULL,
    source_region TEXT NOT NULL,
    tools INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    other INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (hour, transport, port, class, source_region, tools, protocol, other)
) STRICT, WITHOUT ROWID;
-- kind: 0 a row, 1 folded, 2 the rest.
CREATE TABLE IF NOT EXISTS sources (
    hour INTEGER NOT NULL,
    source TEXT NOT NULL,
    kind INTEGER NOT NULL,
    transport TEXT NOT NULL,
    port INTEGER NOT NULL,
    class TEXT NOT NULL,
    tools_key INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    source_region TEXT NOT NULL,
    tools INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    first_destination TEXT,
    first_peer_port INTEGER,
    first_ttl INTEGER,
    first_window INTEGER,
    tcp_flags INTEGER NOT NULL,
    destination_bits INTEGER NOT NULL,
    peer_port_bits INTEGER NOT NULL,
    PRIMARY KEY (hour, source, kind, transport, port, class, tools_key, protocol)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folded_ports (
    hour INTEGER NOT NULL,
    source TEXT NOT NULL,
    transport TEXT NOT NULL,
    class TEXT NOT NULL,
    port INTEGER NOT NULL,
    PRIMARY KEY (hour, source, transport, class, port)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uniques (
    hour INTEGER NOT NULL,
    dimension TEXT NOT NULL,
    transport TEXT NOT NULL,
    port INTEGER NOT NULL,
    source_region TEXT NOT NULL,
    tool TEXT NOT NULL,
    other INTEGER NOT NULL,
    family TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sketch BLOB NOT NULL,
    PRIMARY KEY (hour, dimension, transport, port, source_region, tool, other, family, key_id)
) STRICT;
-- How far the counters of one epoch are in here; counters: 64 bits each, little-endian.
CREATE TABLE IF NOT EXISTS followed (
    epoch INTEGER PRIMARY KEY,
    counters BLOB NOT NULL,
    packets INTEGER NOT NULL,
    records INTEGER NOT NULL
) STRICT;
PRAGMA user_version = 2;
