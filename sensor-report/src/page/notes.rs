//! The analyst's own part: a folder of Markdown by section, and events to draw.

use std::{collections::BTreeMap, fs, io, path::Path};

use jiff::civil::Date;
use pulldown_cmark::{Event, Options, Parser, Tag, html};

use super::{figure::Mark, words::Language};

/// The sections that a note can stand in; `overview.ja.md` goes before `overview.md`.
pub(crate) const SECTIONS: [&str; 9] = [
    "overview",
    "ports",
    "regions",
    "watched",
    "mirai",
    "surges",
    "sensors",
    "references",
    "publisher",
];
const EVENTS: &str = "events.csv";

/// Why notes cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// A file is there, but cannot be read.
    #[error("{path} cannot be read: {source}; notes are text in UTF-8")]
    Io {
        /// Which one.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A line of the events is none.
    #[error(
        "line {line} of {path} is no event: write DATE,TEXT, such as 2022-11-03,a new botnet, or DATE,TEXT IN \
         JAPANESE,TEXT IN ENGLISH"
    )]
    Event {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
    },
}

/// What an analyst wrote, for one language.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// Markdown by section.
    pub(crate) markdown: BTreeMap<&'static str, String>,
    /// Events, by day.
    pub(crate) events: Vec<Mark>,
}

impl Notes {
    /// Reads a folder; one that is not there has no notes.
    pub(crate) fn read(folder: &Path, language: Language) -> Result<Self, NotesError> {
        let mut notes = Self::default();
        for section in SECTIONS {
            let own = folder.join(format!("{section}.{}.md", language.tag()));
            let shared = folder.join(format!("{section}.md"));
            let text = match text_of(&own)? {
                Some(text) => Some(text),
                None => text_of(&shared)?,
            };
            if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
                notes.markdown.insert(section, text);
            }
        }
        let path = folder.join(EVENTS);
        if let Some(text) = text_of(&path)? {
            notes.events = events(&path, &text, language)?;
        }
        Ok(notes)
    }

    /// The notes as HTML.
    pub(crate) fn html(&self) -> BTreeMap<&'static str, String> {
        self.markdown
            .iter()
            .map(|(section, text)| (*section, to_html(text)))
            .collect()
    }
}

fn text_of(path: &Path) -> Result<Option<String>, NotesError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(NotesError::Io {
            path: path.display().to_string(),
            source,
        }),
    }
}

/// Lines of `DATE,TEXT` or `DATE,TEXT IN JAPANESE,TEXT IN ENGLISH`; a first line without a date is a heading.
fn events(path: &Path, text: &str, language: Language) -> Result<Vec<Mark>, NotesError> {
    let mut events = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            continue;
        }
        let mut fields = line.split(',').map(|field| field.trim().trim_matches('"'));
        let day = fields.next().and_then(|day| day.parse::<Date>().ok());
        let texts: Vec<_> = fields.filter(|text| !text.is_empty()).collect();
        let own = match language {
            Language::Japanese => texts.first(),
            Language::English => texts.get(1).or(texts.first()),
        };
        match (day, own) {
            (Some(day), Some(own)) => events.push(Mark {
                day,
                text: (*own).to_owned(),
            }),
            _ if number == 1 => {}
            _ => {
                return Err(NotesError::Event {
                    path: path.display().to_string(),
                    line: number,
                });
            }
        }
    }
    events.sort_by_key(|event| event.day);
    Ok(events)
}

/// Markdown as HTML that loads nothing: HTML in the text is shown as text, pictures become links.
fn to_html(text: &str) -> String {
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES);
    let mut is_picture = false;
    let events = parser.map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            is_picture = true;
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            })
        }
        Event::End(pulldown_cmark::TagEnd::Image) if is_picture => {
            is_picture = false;
            Event::End(pulldown_cmark::TagEnd::Link)
        }
        event => event,
    });
    let mut html = String::new();
    html::push_html(&mut html, events);
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_load_nothing_and_run_nothing() {
        let html =
            to_html("A *note*.\n\n<script>alert(1)</script>\n\n![picture](https://example.net/x.png)\n");
        assert!(html.contains("<em>note</em>"));
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn events_have_a_text_in_each_language_or_one_for_both() {
        let text = "date,ja,en\n2022-11-03,新しい感染,a new infection\n2022-10-01,release\n";
        let read = |language| events(Path::new("events.csv"), text, language).unwrap();
        assert_eq!(read(Language::Japanese)[1].text, "新しい感染");
        assert_eq!(read(Language::English)[1].text, "a new infection");
        assert_eq!(read(Language::English)[0].text, "release");
        let wrong = events(
            Path::new("events.csv"),
            "date,text\nsoon,nothing\n",
            Language::English,
        );
        assert!(wrong.unwrap_err().to_string().contains("line 2"));
    }
}
