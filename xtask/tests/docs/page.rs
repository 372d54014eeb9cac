//! Pages of the documentation: what is prose in them, what is a code block, and where their links lead.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

/// A page of the documentation.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Its path from the repository's root.
    pub(crate) name: String,
    /// All but code blocks.
    pub(crate) prose: String,
    pub(crate) blocks: Vec<Block>,
}

/// A code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its opening fence.
    pub(crate) line: usize,
    /// What stands behind the fence.
    pub(crate) info: String,
    pub(crate) text: String,
}

impl Block {
    pub(crate) fn is_shell(&self) -> bool {
        self.info.split_whitespace().next() == Some("sh")
    }
}

impl Page {
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self> {
        let mut page = Self {
            name: name.to_owned(),
            prose: String::new(),
            blocks: Vec::new(),
        };
        let mut open: Option<Block> = None;
        for (line, content) in (1..).zip(text.lines()) {
            match (content.trim_start().strip_prefix("```"), &mut open) {
                (Some(info), None) => {
                    open = Some(Block {
                        line,
                        info: info.trim().to_owned(),
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => page.blocks.extend(open.take()),
                (None, Some(block)) => block.text.extend([content, "\n"]),
                (None, None) => page.prose.extend([content, "\n"]),
            }
        }
        match open {
            None => Ok(page),
            Some(block) => bail!("{name}:{}: the block has no end", block.line),
        }
    }

    /// The targets of its links, without those of other sites.
    pub(crate) fn links(&self) -> impl Iterator<Item = &str> {
        let targets = self
            .prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
    }

    /// The words that it gives to this program: in commands that are shown, and in code within the prose.
    pub(crate) fn words_after(&self, program: &str) -> BTreeSet<String> {
        let spans = self.prose.split('`').skip(1).step_by(2);
        let shown = self.blocks.iter().filter(|block| block.is_shell());
        let lines = shown.flat_map(|block| block.text.lines()).chain(spans);
        lines
            .flat_map(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                let named = words
                    .iter()
                    .zip(words.iter().skip(1))
                    .filter(|(word, _)| word.rsplit(['/', '(']).next() == Some(program));
                named.map(|(_, next)| (*next).to_owned()).collect::<Vec<_>>()
            })
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase()))
            .collect()
    }

    /// The anchors of its headings.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let headings = self.prose.lines().filter(|line| line.starts_with('#'));
        headings
            .map(|line| anchor(line.trim_start_matches('#').trim()))
            .collect()
    }
}

/// The anchor of a heading, as the common readers of Markdown make it.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Markdown file of the repository's root, `docs/` and `deploy/`.
pub(crate) fn pages() -> Result<Vec<Page>> {
    let mut names: Vec<String> = markdown_in("")?;
    let mut folders = vec!["docs".to_owned(), "deploy".to_owned()];
    while let Some(folder) = folders.pop() {
        names.extend(markdown_in(&folder)?);
        for entry in fs::read_dir(root().join(&folder))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(format!("{folder}/{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    names.sort();
    let read = |name: &String| {
        let text = fs::read_to_string(root().join(name)).with_context(|| format!("{name} cannot be read"))?;
        Page::parse(name, &text)
    };
    names.iter().map(read).collect()
}

fn markdown_in(folder: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).with_context(|| format!("{folder} cannot be listed"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "md")
        {
            found.push(if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            });
        }
    }
    Ok(found)
}
