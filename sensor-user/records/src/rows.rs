//! The rows of every table, column by column.
//!
//! Counts are 64-bit signed numbers and small keys 32-bit ones: every engine reads those, and not every engine the
//! unsigned ones. `date` and `sensor` are in the path of a file, and in its metadata.

use crate::{
    column::{Micros, Outcomes},
    row::rows,
};

rows! {
    /// Packets of one hour, one transport, service port, class, source region and set of tool marks.
    CellRow of Cells, sorted by (transport, port, class, source_region, tools, protocol, other) {
        /// When the hour begins (UTC).
        hour: Micros,
        /// `tcp`, `udp`, `icmp`, `icmpv6`, `other`, or `fragment` (a later fragment, which carries no port).
        transport: String,
        /// IP protocol number; missing in the rest.
        protocol: Option<i32>,
        /// Service port: destination port of scans and others, source port of backscatter; of ICMP the type times 256 plus the code; missing where there is none, and in the rest.
        port: Option<i32>,
        /// `scan`, `backscatter` or `other`.
        class: String,
        /// ISO 3166-1 alpha-2; `ZZ` unknown, `XB` never routable; missing in the rest.
        source_region: Option<String>,
        /// Bit mask of the tool marks that each of the packets has; missing in the rest.
        tools: Option<i32>,
        /// Whether this is the rest: what found no row of its own, by transport and class.
        other: bool,
        /// Packets.
        packets: i64,
        /// Their IP lengths added up, in bytes.
        bytes: i64,
        /// Packets of the source that sent most of them: at least so many, where the sources of the hour did not all find a row; missing in the rest.
        largest_source_packets: Option<i64>,
    }

    /// Unique sources of one hour in one dimension, as a sketch that can be merged but never added up.
    UniqueRow of Uniques, sorted by (dimension, transport, port, source_region, tool, other) {
        /// When the hour begins (UTC).
        hour: Micros,
        /// `all`, `mirai`, `port`, `mirai_port`, `region`, `mirai_region`, `port_region`, `tool_likely`, `tool_sure`, `iot_syn` (TCP SYN to ports of the Internet of Things) or `marked` (a sure mark): `iot_syn` less `marked` is what was left unmarked there.
        dimension: String,
        /// `tcp`, `udp` or `icmp`, where the dimension has a port.
        transport: Option<String>,
        /// Destination port of scans, where the dimension has one; `0` of `icmp` is echo requests.
        port: Option<i32>,
        /// As in `cells`, where the dimension has one.
        source_region: Option<String>,
        /// The tool's mark, where the dimension has one.
        tool: Option<String>,
        /// Whether this is the rest of its dimension: what found no row of its own.
        other: bool,
        /// `hll` or `theta`: the family of the sketch (Apache DataSketches).
        family: String,
        /// The sketch as Apache DataSketches serialises it, of keyed hashes of source addresses.
        sketch: Vec<u8>,
        /// Its estimate of the number of distinct sources.
        estimate: f64,
        /// Which key the addresses were hashed with: sketches of different keys cannot be merged.
        key_id: String,
    }

    /// Packets of one day, one transport, service port, class, source region and set of tool marks.
    DailyCellRow of DailyCells, sorted by (transport, port, class, source_region, tools, protocol, other) {
        /// As in `cells`.
        transport: String,
        /// As in `cells`.
        protocol: Option<i32>,
        /// As in `cells`.
        port: Option<i32>,
        /// As in `cells`.
        class: String,
        /// As in `cells`.
        source_region: Option<String>,
        /// As in `cells`.
        tools: Option<i32>,
        /// As in `cells`.
        other: bool,
        /// Packets.
        packets: i64,
        /// Their IP lengths added up, in bytes.
        bytes: i64,
        /// The largest of the hours' `largest_source_packets`.
        largest_source_packets: Option<i64>,
        /// Hours in which there were any.
        hours: i32,
    }

    /// Unique sources of one day in one dimension, as a sketch that can be merged but never added up.
    DailyUniqueRow of DailyUniques, sorted by (dimension, transport, port, source_region, tool, other) {
        /// As in `uniques`.
        dimension: String,
        /// As in `uniques`.
        transport: Option<String>,
        /// As in `uniques`.
        port: Option<i32>,
        /// As in `uniques`.
        source_region: Option<String>,
        /// As in `uniques`.
        tool: Option<String>,
        /// As in `uniques`.
        other: bool,
        /// As in `uniques`.
        family: String,
        /// As in `uniques`: the sketches of the hours, merged.
        sketch: Vec<u8>,
        /// As in `uniques`.
        estimate: f64,
        /// As in `uniques`.
        key_id: String,
        /// Hours that were merged.
        hours: i32,
    }

    /// Packets of one day from one network to one service port, of the networks that sent most.
    NetworkRow of Networks, sorted by (network, transport, port, class, other) {
        /// The /24 of IPv4 or the /48 of IPv6 that the sources are in; missing in the rest.
        network: Option<String>,
        /// Number of the autonomous system, where a database of them is configured.
        system: Option<i64>,
        /// As in `cells`.
        source_region: Option<String>,
        /// As in `cells`.
        transport: String,
        /// As in `cells`; missing too where a source asked for so many ports that they are in one row.
        port: Option<i32>,
        /// As in `cells`.
        class: String,
        /// Whether this is the rest: all networks that sent less, by transport and class.
        other: bool,
        /// Packets.
        packets: i64,
        /// Distinct sources; missing in the rest, whose sources can stand in several networks' rows of several ports.
        sources: Option<i64>,
    }

    /// Packets of one hour from one source to one service port, with the first of them whole.
    SourceRow of Sources, sorted by (source, transport, port, class, tools, folded, other) {
        /// When the hour begins (UTC).
        hour: Micros,
        /// The source's address; missing in the rest.
        source: Option<String>,
        /// As in `cells`.
        source_region: Option<String>,
        /// As in `cells`.
        transport: String,
        /// As in `cells`; missing in folded rows.
        protocol: Option<i32>,
        /// As in `cells`; missing in folded rows.
        port: Option<i32>,
        /// As in `cells`.
        class: String,
        /// As in `cells`; in folded rows the marks that any of the packets has.
        tools: Option<i32>,
        /// Whether this is all that its source sent beyond its first 64 rows, by transport and class.
        folded: bool,
        /// Distinct service ports in a folded row; missing in others, and where too many sources were folded to count.
        ports: Option<i64>,
        /// Whether this is the rest: the packets of all sources that found no row, by transport and class.
        other: bool,
        /// Packets.
        packets: i64,
        /// Their IP lengths added up, in bytes.
        bytes: i64,
        /// When the first packet came (UTC; good to some 10 ms).
        first_seen: Micros,
        /// When the last packet came (UTC; good to some 10 ms).
        last_seen: Micros,
        /// Where the first packet went: a watched address. Of IPv6 the last 32 bits alone are known, as in `::c000:201`.
        first_destination: Option<String>,
        /// Source port of the first packet (of backscatter: its destination port).
        first_peer_port: Option<i32>,
        /// Time to live, or hop limit, of the first packet.
        first_ttl: Option<i32>,
        /// TCP window of the first packet.
        first_window: Option<i32>,
        /// TCP flags of all packets, or-ed.
        tcp_flags: i32,
        /// Which of 64 classes the destinations fell in, one bit each: about -64 ln(z / 64) distinct ones, where z bits are 0; past some 250 all are set.
        destination_bits: i64,
        /// Which of 32 classes the peer ports fell in, one bit each: about -32 ln(z / 32) distinct ones, where z bits are 0; past some 100 all are set.
        peer_port_bits: i64,
    }

    /// What the sensor saw of one hour, and what it missed.
    CoverageRow of Coverage, sorted by (hour) {
        /// When the hour begins (UTC).
        hour: Micros,
        /// Seconds of the hour that the sensor observed and wrote down; what is missing to 3,600 is a gap.
        seconds_observed: f64,
        /// Watched IPv4 addresses.
        watched_addresses: i64,
        /// All packets that the program saw, in the intervals that ended within the hour.
        seen: i64,
        /// Of those, packets to watched addresses.
        observed: i64,
        /// Of those seen, packets with the outcome
        outcome: Outcomes,
        /// Observed packets of class `scan`.
        class_scan: i64,
        /// Observed packets of class `backscatter`.
        class_backscatter: i64,
        /// Observed packets of class `other`.
        class_other: i64,
        /// Packets in this hour's rows of `cells`.
        recorded: i64,
        /// Records of flows that the ring refused.
        lost_ring_records: i64,
        /// The packets in them.
        lost_ring_packets: i64,
        /// Records that came faster than they could be taken in.
        lost_queue_records: i64,
        /// The packets in them.
        lost_queue_packets: i64,
        /// Records that died with the daemon.
        lost_crash_records: i64,
        /// The packets in them.
        lost_crash_packets: i64,
        /// Packets that were taken in, and could not be kept until the disk took them.
        unrecorded: i64,
        /// Packets of earlier hours that came when their files were closed; they are in this hour's rows.
        late: i64,
        /// Rows of `cells`.
        cells_rows: i64,
        /// Packets in the rest of `cells`.
        cells_other: i64,
        /// Rows of `sources`.
        sources_rows: i64,
        /// Packets in the rest of `sources`.
        sources_other: i64,
        /// Rows of `uniques`.
        uniques_rows: i64,
        /// Additions to the rests of `uniques`.
        uniques_other: i64,
        /// Seconds of `seconds_observed` whose sources are in the sketches of `uniques`: the others died with the daemon that held them; missing where no sketches were kept.
        uniques_seconds: Option<f64>,
        /// Times that the open hour could not be written; what it held was kept and written later, or is in `unrecorded`.
        write_failures: i64,
        /// Times that the sensor was started.
        starts: i64,
        /// `native`, `generic` or `replay`.
        xdp_mode: String,
        /// SHA-256 of the program in the kernel.
        program_digest: String,
        /// SHA-256 of the region database's files, separated by blanks; empty where there is none.
        region_database: String,
        /// When the region database was built (UTC).
        region_database_built: Option<Micros>,
        /// Times that the time of day was set.
        clock_steps: i64,
    }

    /// What a sensor is, from one moment to another.
    SensorRow of Sensors, sorted by (valid_from) {
        /// From when on this holds (UTC).
        valid_from: Micros,
        /// Until when (UTC): the last moment of this day that it was known to hold. Rows of following days that say the same go on with it.
        valid_to: Micros,
        /// Where the sensor stands, ISO 3166-1 alpha-2; missing when it is not configured.
        region: Option<String>,
        /// Who runs it.
        operator: Option<String>,
        /// The name to publish it under.
        publish_name: Option<String>,
        /// Watched IPv4 addresses.
        watched_addresses: i64,
        /// The watched prefixes, separated by blanks. Secret.
        watched: String,
        /// The version of the sensor's program.
        version: String,
    }
}
