//! Records through crashes, floods and full disks: nothing that was committed is lost, and every sum is exact.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

mod caps;
mod crash;
mod days;
mod disk;
mod support;
