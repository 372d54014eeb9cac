//! Ships closed files of records to an object store or a directory: each verified, each once, whenever that is possible.
//!
//! What has to be there is what the manifests list, so a sensor that was offline for days goes on where it was. A day's
//! manifest follows its files; at its destination it lists all that was ever shipped, though the sensor removed it since.
//! A new process reads those manifests and not the files: they were verified before they were listed.

mod error;
mod shipper;
mod status;
mod target;

pub use self::{
    error::ShipError,
    shipper::Shipper,
    status::Status,
    target::{Target, open_to_read},
};
