//! What things are called: languages, services, regions, days.

mod language;
mod names;
mod numbers;
mod times;

pub use self::language::Language;
pub(crate) use self::{
    names::{has_article, port, region},
    numbers::{count, duration, estimate, factor, percent, rate, signed_percent, tenths, tick},
    times::{day, day_of_month, days, moment, month, month_of_year, period},
};
