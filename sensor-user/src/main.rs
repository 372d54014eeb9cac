//! The command `teiten`.

fn main() {}
