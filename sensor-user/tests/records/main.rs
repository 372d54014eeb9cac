//! Records of a replay against the truth of whoever made the packets.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

mod counts;
mod notice;
mod sketches;
mod support;
