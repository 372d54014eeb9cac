//! Moments as a report writes them.

use crate::period::Zone;

/// RFC 3339 in UTC; nothing for what is beyond the calendar.
pub(crate) fn text(second: i64) -> String {
    jiff::Timestamp::from_second(second).map_or(String::new(), |time| time.to_string())
}

/// The same in a time zone, with its offset.
pub(crate) fn text_in(zone: &Zone, second: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_second(second) else {
        return String::new();
    };
    time.to_zoned(zone.time_zone().clone())
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}
