//! The law of conservation, put to the test: a flood of known size against the real daemon, and every term afterwards.

mod curve;
mod law;
mod report;
mod rest;
mod run;

pub use self::{
    curve::Sample,
    law::Terms,
    report::Report,
    rest::await_rest,
    run::{Event, Options, Stop, run},
};
