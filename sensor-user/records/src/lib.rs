//! Records on disk: which tables there are, what stands in their columns, where their files lie, and how a file is
//! known to be whole.
//!
//! The sensor writes through [`Writer`]; whoever reads needs nothing of ours but the layout, which is plain
//! Hive-partitioned Parquet. [`verify()`] holds a directory against its manifests.

mod column;
mod error;
mod file;
pub mod layout;
pub mod manifest;
mod read;
mod row;
pub mod rows;
mod table;
mod verify;
mod writer;

pub use self::{
    column::{ColumnDescription, Micros, Outcomes},
    error::RecordsError,
    file::{Digest, digest_file},
    layout::{Day, Period, Place},
    manifest::Manifest,
    read::{decode_rows, read_rows, table_of_file},
    row::Row,
    table::{Kept, SCHEMA_VERSION, Table},
    verify::{Fault, Verified, verify},
    writer::{Existing, Writer, Written, encode_rows},
};
