//! From an address to its source region, and to its autonomous system.
//!
//! ```no_run
//! use teiten::region::{RegionHandle, RegionSources};
//!
//! let regions = RegionHandle::load(RegionSources::debian())?;
//! let table = regions.table();
//! assert_eq!(table.lookup_ip("133.11.0.1".parse()?).code(), "JP");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In the order of the data's way: `source` reads a file, `text` or `mmdb` makes sense of it, `ranges`
//! compiles it, [`bogon`] overrides it, [`RegionTable`] answers, [`RegionHandle`] replaces it.

mod asn;
pub mod bogon;
mod code;
mod error;
mod handle;
mod info;
mod mmdb;
pub mod names;
mod parsed;
mod ranges;
mod source;
mod table;
mod text;

pub use code::{NoRegion, Region};
pub use error::{LineFault, RecordFault, RegionError, Wanted};
pub use handle::{Changed, RegionHandle};
pub use info::{BuiltFrom, Digest, FileInfo, Format, RegionInfo};
pub use names::{Language, RegionNames};
pub use source::{MAX_FILE_BYTES, RegionSources};
pub use table::RegionTable;
