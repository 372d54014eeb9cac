//! Reading captures, against files from a writer that shares no code with the reader.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod corruption;
mod links;
mod mutation;
mod peak;
mod program;
mod reference;
mod refusal;
mod round_trip;
mod support;
mod truncation;
mod writer;
