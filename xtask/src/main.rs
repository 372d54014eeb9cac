//! `cargo xtask`: every command that works on the project itself.

fn main() {}
