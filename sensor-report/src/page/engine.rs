//! The template engine: which templates there are, and how they print numbers and names.
//!
//! In HTML every number stands in a `data` element that holds the number as the CSV tables have it, so that a reader's
//! program, or a test, can follow each one to its table.

use jiff::civil::Date;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::words::{self, Language};
use crate::model::{Port, Region};

/// What is written with the templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
    Markdown,
    /// Text that another template takes in, such as a figure's alternative text.
    Plain,
}

const TEMPLATES: [(&str, &str); 6] = [
    ("page.html", include_str!("../../templates/page.html")),
    ("page.md", include_str!("../../templates/page.md")),
    ("ja.txt", include_str!("../../templates/ja.txt")),
    ("en.txt", include_str!("../../templates/en.txt")),
    ("lines.svg", include_str!("../../templates/lines.svg")),
    ("bars.svg", include_str!("../../templates/bars.svg")),
];

/// What stands where there is no number.
const NOTHING: &str = "—";

/// The engine for one language and one format.
pub(crate) fn environment(language: Language, format: Format) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(move |name| match format {
        _ if name.contains(".svg") => AutoEscape::Html,
        Format::Html => AutoEscape::Html,
        Format::Markdown => AutoEscape::Custom("markdown"),
        Format::Plain => AutoEscape::None,
    });
    environment.set_formatter(|out, state, value| match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Custom(_), Some(text)) => {
            let text = if value.is_safe() {
                text.to_owned()
            } else {
                markdown(text)
            };
            out.write_str(&text).map_err(Error::from)
        }
        (AutoEscape::Custom(_), None) => write!(out, "{value}").map_err(Error::from),
        _ => minijinja::escape_formatter(out, state, value),
    });
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    add_numbers(&mut environment, Printer { language, format });
    add_names(&mut environment, Printer { language, format });
    Ok(environment)
}

/// Prints what the templates print, in one language and format.
#[derive(Clone, Copy)]
struct Printer {
    language: Language,
    format: Format,
}

impl Printer {
    /// A number as it is shown, with the number itself where the format has a place for it.
    fn number(self, raw: &str, shown: &str) -> Value {
        match self.format {
            Format::Html => Value::from_safe_string(format!(
                "<data value=\"{}\">{}</data>",
                escaped(raw),
                escaped(shown)
            )),
            Format::Markdown => Value::from_safe_string(shown.replace('<', "&lt;")),
            Format::Plain => Value::from(shown),
        }
    }

    /// A text with digits that are no figures: a port, a day.
    fn name(self, class: &str, shown: &str) -> Value {
        match self.format {
            Format::Html => {
                Value::from_safe_string(format!("<span class=\"{class}\">{}</span>", escaped(shown)))
            }
            Format::Markdown => Value::from_safe_string(markdown(shown)),
            Format::Plain => Value::from(shown),
        }
    }

    fn float(self, value: &Value, shown: fn(f64) -> String) -> Result<Value, Error> {
        if value.is_none() || value.is_undefined() {
            return Ok(Value::from(NOTHING));
        }
        let number = f64::try_from(value.clone())?;
        Ok(self.number(&number.to_string(), &shown(number)))
    }

    fn whole(self, value: &Value) -> Result<Value, Error> {
        if value.is_none() || value.is_undefined() {
            return Ok(Value::from(NOTHING));
        }
        // The differences of the law of conservation can be negative: these are faults, and are shown as they are.
        let number = i128::try_from(value.clone())?;
        let sign = if number < 0 { "−" } else { "" };
        let size = u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX);
        Ok(self.number(&number.to_string(), &format!("{sign}{}", words::count(size))))
    }

    /// A change between two numbers of an object, as the tables have it.
    fn change(self, value: &Value, shown: fn(f64) -> String) -> Result<Value, Error> {
        let Some(change) = relative(value)? else {
            return Ok(Value::from(NOTHING));
        };
        Ok(self.number(&change.to_string(), &shown(change)))
    }
}

/// The relative change of `{before, after}` or of `{first, last}`; `None` where there was nothing, or is no number.
fn relative(value: &Value) -> Result<Option<f64>, Error> {
    let of = |name: &str| -> Result<Option<f64>, Error> {
        let number = value.get_attr(name)?;
        if number.is_undefined() || number.is_none() {
            return Ok(None);
        }
        Ok(Some(f64::try_from(number)?))
    };
    let before = of("before")?.or(of("first")?);
    let after = of("after")?.or(of("last")?);
    Ok(match (before, after) {
        (Some(before), Some(after)) if before > 0.0 => Some(after / before - 1.0),
        _ => None,
    })
}

fn add_numbers(environment: &mut Environment<'static>, printer: Printer) {
    let float = move |shown: fn(f64) -> String| move |value: &Value| printer.float(value, shown);
    let change = move |shown: fn(f64) -> String| move |value: &Value| printer.change(value, shown);
    environment.add_filter("count", move |value: &Value| printer.whole(value));
    environment.add_filter("rate", float(words::rate));
    environment.add_filter("estimate", float(words::estimate));
    environment.add_filter("share", float(words::percent));
    environment.add_filter("factor", float(words::factor));
    environment.add_filter("change", change(words::signed_percent));
    environment.add_filter("by", change(words::percent));
    environment.add_filter(
        "tenths",
        change(|change| words::tenths(change).unwrap_or_else(|| words::percent(change))),
    );
    // Prose without the line ends of its template; sentences bring their own spaces.
    environment.add_filter("prose", |value: &Value| {
        let text = value.to_string();
        let text = text.replace('\n', "").trim().to_owned();
        if value.is_safe() {
            Value::from_safe_string(text)
        } else {
            Value::from(text)
        }
    });
    environment.add_filter("known_share", move |value: &Value| {
        // Of rows too small to tell nothing is known.
        if f64::try_from(value.clone())? > 0.0 {
            printer.float(value, words::percent)
        } else {
            Ok(Value::from(NOTHING))
        }
    });
    environment.add_filter("relative", |value: &Value| -> Result<Value, Error> {
        Ok(Value::from(relative(value)?))
    });
    environment.add_filter("duration", move |seconds: u64| {
        printer.number(&seconds.to_string(), &words::duration(seconds, printer.language))
    });
}

fn add_names(environment: &mut Environment<'static>, printer: Printer) {
    let language = printer.language;
    let date = |text: &str| {
        text.parse::<Date>()
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
    };
    environment.add_filter("port", move |text: &str| -> Result<Value, Error> {
        let port = text
            .parse::<Port>()
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error))?;
        Ok(printer.name("port", &words::port(&port, language)))
    });
    environment.add_filter("region", move |text: &str| {
        printer.name("region", words::region(&Region(text.to_owned()), language))
    });
    environment.add_filter("in_region", move |text: &str| {
        let region = Region(text.to_owned());
        let name = words::region(&region, language);
        let article = if language == Language::English && words::has_article(text) {
            "the "
        } else {
            ""
        };
        printer.name("region", &format!("{article}{name}"))
    });
    environment.add_filter("name", move |text: &str| printer.name("name", text));
    environment.add_filter("date", move |text: &str| -> Result<Value, Error> {
        Ok(printer.name("time", &words::day(date(text)?, language)))
    });
    environment.add_filter("month", move |text: &str| -> Result<Value, Error> {
        Ok(printer.name("time", &words::month(date(text)?, language)))
    });
    environment.add_filter("month_of_year", move |text: &str| -> Result<Value, Error> {
        Ok(printer.name("time", &words::month_of_year(date(text)?, language)))
    });
    environment.add_filter("moment", move |text: &str| {
        printer.name("time", &words::moment(text, language))
    });
    environment.add_filter("time", move |text: &str| printer.name("time", text));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Text that Markdown takes for nothing else.
pub(crate) fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\n' | '\r' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => safe.extend(['\\', character]),
            _ => safe.push(character),
        }
    }
    safe
}
