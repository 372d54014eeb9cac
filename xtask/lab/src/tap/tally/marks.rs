//! The marks of tools once more, by another reader of headers and options.

use etherparse::{
    Ipv4HeaderSlice, TcpOptionElement,
    TcpOptionElement::{MaximumSegmentSize, Noop, SelectiveAcknowledgementPermitted, WindowScale},
    TcpSlice,
};

/// What ZMap has sent since 4.1.
const LIKE_WINDOWS: [TcpOptionElement; 6] = [
    MaximumSegmentSize(1_460),
    Noop,
    WindowScale(8),
    Noop,
    Noop,
    SelectiveAcknowledgementPermitted,
];

/// The names of the tools whose mark a segment has.
pub(super) fn of(ip: &Ipv4HeaderSlice<'_>, tcp: &TcpSlice<'_>) -> Vec<&'static str> {
    if !tcp.syn() || tcp.ack() || tcp.rst() || tcp.fin() || tcp.psh() || tcp.urg() {
        return Vec::new();
    }
    let destination = u32::from_be_bytes(ip.destination());
    let options: Vec<_> = tcp.options_iterator().map_while(Result::ok).collect();
    let bare = tcp.options().is_empty();
    let (ttl, window, id) = (ip.ttl(), tcp.window_size(), ip.identification());
    let [_, _, high, low] = (destination ^ tcp.sequence_number()).to_be_bytes();
    let masscan_id = u16::from_be_bytes([high, low]) ^ tcp.destination_port();
    let mss_alone = options == [MaximumSegmentSize(1_460)] && tcp.options().len() == 4;
    let mirai = tcp.sequence_number() == destination;
    let telnet = [23, 2_323].contains(&tcp.destination_port());
    let bot = bare && ip.total_len() == 40 && ttl <= 64 && tcp.source_port() >= 1_024 && telnet;
    [
        ("mirai", mirai),
        ("mirai_original", mirai && bot),
        ("zmap", ttl > 128 && window == 65_535 && id == 54_321),
        (
            "zmap_4_1",
            (1..=64).contains(&ttl) && window == 65_535 && options == LIKE_WINDOWS && !ip.dont_fragment(),
        ),
        (
            "masscan",
            ttl > 128 && window == 1_024 && bare && id == masscan_id,
        ),
        (
            "masscan_2023",
            ttl > 128 && window == 1_025 && mss_alone && id == masscan_id,
        ),
        (
            "nmap",
            (1..60).contains(&ttl) && window % 1_024 == 0 && (1_024..=4_096).contains(&window) && mss_alone,
        ),
        (
            "unicornscan",
            ttl > 128 && [4_096, 4_128].contains(&window) && mss_alone,
        ),
    ]
    .into_iter()
    .filter_map(|(name, holds)| holds.then_some(name))
    .collect()
}
