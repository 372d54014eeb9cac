//! The document of all results, `docs/performance.md`, and its pictures: made of what `cargo xtask bench all` measured.

mod figures;
mod pictures;
mod targets;

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::Value;

use self::targets::{Row, rows};

const TEMPLATE: &str = include_str!("performance.md.j2");
/// The file's name, and the folder of the pictures beside it.
const FILE: &str = "performance.md";
const PICTURES: &str = "pictures";

/// All results.
#[derive(Clone, Debug)]
pub struct Document {
    results: Value,
}

impl Document {
    /// Reads what was measured.
    ///
    /// # Errors
    /// The file cannot be read, or is something else.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| {
            format!(
                "{} cannot be read: `cargo xtask bench all` writes it",
                path.display()
            )
        })?;
        let results =
            serde_json::from_str(&text).with_context(|| format!("{} holds no results", path.display()))?;
        Ok(Self { results })
    }

    /// The targets with what was measured, for a terminal.
    ///
    /// # Errors
    /// None that is known.
    pub fn table(&self) -> Result<String> {
        let mut text = String::new();
        for Row {
            what,
            target,
            measured,
            verdict,
            ..
        } in rows(&self.results)
        {
            writeln!(text, "{what:<80} {target:<31} {measured:<16} {verdict}")?;
        }
        Ok(text)
    }

    /// The page.
    ///
    /// # Errors
    /// The template is wrong.
    pub fn page(&self) -> Result<String> {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_keep_trailing_newline(true);
        // What was not measured has no figures.
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.add_filter("fixed", figures::fixed);
        environment.add_filter("spread", figures::spread);
        environment.add_filter("millions", figures::millions);
        environment.add_filter("mebibytes", figures::mebibytes);
        environment.add_template("page", TEMPLATE)?;
        let parts = &self.results["parts"];
        let machine = parts
            .as_object()
            .into_iter()
            .flatten()
            .find_map(|(_, part)| part.get("machine"));
        let page = environment.get_template("page")?.render(context! {
            quick => self.results["quick"],
            parts => parts,
            machine => machine,
            targets => rows(&self.results),
            pictures => pictures::drawn(&self.results).into_iter().map(|picture| picture.name).collect::<Vec<_>>(),
        })?;
        Ok(page)
    }
}

/// Writes the page, and its pictures into a folder beside it.
///
/// # Errors
/// They cannot be written.
pub fn write_document(document: &Document, folder: &Path) -> Result<()> {
    let write = |path: &Path, text: &str| {
        fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    let pictures = folder.join(PICTURES);
    fs::create_dir_all(&pictures).with_context(|| format!("{} cannot be made", pictures.display()))?;
    for picture in pictures::drawn(&document.results) {
        write(&pictures.join(picture.file()), &picture.svg)?;
    }
    write(&folder.join(FILE), &document.page()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(parts: &Value) -> Document {
        Document {
            results: json!({ "schema": 1, "quick": true, "parts": parts }),
        }
    }

    #[test]
    fn without_a_single_result_there_is_a_page_that_says_so() {
        let parts = json!({ "live": { "error": "there is no generator" } });
        let page = document(&parts).page().unwrap();
        assert!(page.contains("there is no generator"), "{page}");
        assert!(page.contains("not measured"), "{page}");
        assert!(!page.contains("NaN") && !page.contains("undefined"), "{page}");
    }

    #[test]
    fn figures_stand_beside_their_targets() {
        let parts = json!({
            "region": { "result": { "believable": true, "lookups": [
                { "family": 4, "sources": "hot", "drawn": "uniform", "nanoseconds": 2.5 },
                { "family": 4, "sources": "random", "drawn": "uniform", "nanoseconds": 61.0 },
            ] } },
        });
        let rows = rows(&document(&parts).results);
        let verdict = |what: &str| {
            let row = rows.iter().find(|row| row.what.contains(what)).unwrap();
            (row.measured.clone(), row.verdict)
        };
        assert_eq!(verdict("look-up, hot"), ("2.5 ns".to_owned(), "reached"));
        assert_eq!(verdict("look-up, random"), ("61 ns".to_owned(), "not reached"));
        assert_eq!(verdict("start to attached"), ("not measured".to_owned(), ""));
    }

    #[test]
    fn names_of_strangers_do_not_end_a_picture() {
        let svg = pictures::escape("a<b>&\"c\"");
        assert_eq!(svg, "a&lt;b&gt;&amp;&quot;c&quot;");
    }
}
