//! Reads the pages' HTML: elements, and the text between them.

/// A piece of text, with the elements around it, the outermost first.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) around: Vec<Element>,
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: String,
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let rest = self.attributes.split_once(&format!("{name}=\""))?.1;
        Some(unescaped(rest.split_once('"')?.0))
    }

    pub(crate) fn has_class(&self, class: &str) -> bool {
        self.attribute("class")
            .is_some_and(|classes| classes.split(' ').any(|found| found == class))
    }
}

impl Text {
    pub(crate) fn is_in(&self, name: &str) -> bool {
        self.around.iter().any(|element| element.name == name)
    }

    pub(crate) fn is_in_class(&self, class: &str) -> bool {
        self.around.iter().any(|element| element.has_class(class))
    }
}

const VOID: [&str; 3] = ["meta", "br", "!DOCTYPE"];

/// Every text of a page; an element that is not closed, or closed by another's end, fails.
pub(crate) fn texts(page: &str) -> Vec<Text> {
    let mut around: Vec<Element> = Vec::new();
    let mut texts = Vec::new();
    let mut rest = page;
    while let Some((text, after)) = rest.split_once('<') {
        if !text.trim().is_empty() {
            texts.push(Text {
                around: around.clone(),
                text: unescaped(text),
            });
        }
        let (tag, after) = after.split_once('>').expect("a tag that ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let open = around.pop().expect("an element to close");
            assert_eq!(open.name, name, "{text:?}");
        } else {
            let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
            if !tag.ends_with('/') && !VOID.contains(&name) {
                around.push(Element {
                    name: name.to_owned(),
                    attributes: attributes.to_owned(),
                });
            }
        }
    }
    assert!(around.is_empty(), "never closed: {around:?}");
    texts
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&amp;", "&")
}
