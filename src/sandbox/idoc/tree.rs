//! An XML document as a tree, read strictly: one root, everything closed, no declarations of types.
//!
//! Not here: what the elements mean (`order`, `soap_body`).

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// One element; its name stands without a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Node>,
    pub text: String,
}

impl Node {
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of a field; what is absent is blank.
    pub fn field(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn new(tag: &BytesStart<'_>) -> Result<Node, String> {
        let mut node = Node { name: tag.local_name().as_ref().to_owned(), ..Node::default() };
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|cause| cause.to_string())?;
            let value = attribute.value.clone().into_owned();
            node.attributes.push((attribute.key.local_name().as_ref().to_owned(), value));
        }
        Ok(node)
    }
}

/// Reads a whole document; the error says what is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Node, String> {
    let text = std::str::from_utf8(bytes).map_err(|cause| format!("not UTF-8: {cause}"))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Node> = Vec::new();
    let mut root: Option<Node> = None;
    loop {
        match reader.read_event().map_err(|cause| cause.to_string())? {
            Event::Start(tag) => open.push(Node::new(&tag)?),
            Event::Empty(tag) => close(Node::new(&tag)?, &mut open, &mut root)?,
            Event::End(_) => {
                let node = open.pop().ok_or("an end without a beginning")?;
                close(node, &mut open, &mut root)?;
            }
            Event::Text(part) => add(&mut open, &part.xml10_content())?,
            Event::CData(part) => add(&mut open, &part.xml10_content())?,
            Event::GeneralRef(entity) => {
                let name = entity.xml10_content();
                let character = match entity.resolve_char_ref().map_err(|cause| cause.to_string())? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&name)
                        .ok_or_else(|| format!("the entity &{name}; is not known"))?
                        .to_owned(),
                };
                add(&mut open, &character)?;
            }
            Event::DocType(_) => return Err("a document type is not wanted here".to_owned()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if let Some(left) = open.last() {
        return Err(format!("the file ends inside {}", left.name));
    }
    root.ok_or_else(|| "the file is empty".to_owned())
}

fn add(open: &mut [Node], text: &str) -> Result<(), String> {
    match open.last_mut() {
        Some(node) => node.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("text outside the document".to_owned()),
    }
    Ok(())
}

fn close(node: Node, open: &mut [Node], root: &mut Option<Node>) -> Result<(), String> {
    match open.last_mut() {
        Some(parent) => parent.children.push(node),
        None if root.is_none() => *root = Some(node),
        None => return Err("a second document behind the first".to_owned()),
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_without_prefixes_and_texts_with_references() {
        let root = read(b"<?xml version=\"1.0\"?><a:x xmlns:a=\"urn\"><b k=\"1\">A&amp;B&#228;</b><b/></a:x>").unwrap();
        assert_eq!((root.name.as_str(), root.all("b").count()), ("x", 2));
        assert_eq!(root.field("b"), "A&B\u{e4}");
        assert_eq!(root.child("b").unwrap().attribute("k"), Some("1"));
        assert_eq!(root.field("c"), "");
    }

    #[test]
    fn refuses_what_is_cut_off_doubled_or_dangerous() {
        for wrong in ["", "<a>", "<a><b></a>", "<a/><b/>", "<!DOCTYPE a><a/>", "<a>&x;</a>", "x<a/>"] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
