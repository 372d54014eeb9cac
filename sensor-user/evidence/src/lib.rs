//! Evidence: what single packets and sources show, kept, shown and handed on without harm.
//!
//! In the order of its way: [`packet`] finds the payload of a frame; [`sip`], [`scanner`] and [`probe`] read it, and
//! name it by a closed set of labels; [`store`] keeps frames in [`pcapng`] files within a budget; [`escape`] makes a stranger's
//! text safe to show; [`anonymise`] makes a frame safe to share; [`event`] says what a source did, and [`notice`]
//! tells the owner of its network.
//! Nothing here knows the daemon or the kernel.

pub mod anonymise;
pub mod checksum;
pub mod escape;
pub mod event;
pub mod notice;
pub mod packet;
pub mod pcapng;
pub mod probe;
pub mod scanner;
pub mod sip;
pub mod store;
