//! Writing IDocs: control record, segments, escaping.
//!
//! Not here: which segments a message has (`messages`).

use std::fmt::Write as _;

use super::profile::Profile;
use crate::sandbox::clock::{compact_date, compact_time};

/// One segment with its fields and the segments below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    name: &'static str,
    fields: Vec<(&'static str, String)>,
    below: Vec<Segment>,
}

impl Segment {
    pub fn new(name: &'static str) -> Segment {
        Segment { name, fields: Vec::new(), below: Vec::new() }
    }

    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Segment {
        self.fields.push((name, value.into()));
        self
    }

    pub fn below(mut self, segments: impl IntoIterator<Item = Segment>) -> Segment {
        self.below.extend(segments);
        self
    }

    fn write(&self, xml: &mut String, depth: usize) {
        let indent = " ".repeat(depth);
        let mut text = format!("{indent}<{} SEGMENT=\"1\">", self.name);
        for (name, value) in &self.fields {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "<{name}>{}</{name}>", escaped(value));
        }
        xml.push_str(&text);
        if !self.below.is_empty() {
            xml.push('\n');
            self.below.iter().for_each(|segment| segment.write(xml, depth + 1));
            xml.push_str(&indent);
        }
        let _infallible = writeln!(xml, "</{}>", self.name);
    }
}

/// One outbound IDoc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idoc {
    pub number: u64,
    pub basic_type: &'static str,
    pub message: &'static str,
    pub made_s: i64,
    pub segments: Vec<Segment>,
}

impl Idoc {
    fn control(&self, profile: &Profile) -> Segment {
        let (date, time) = (compact_date(self.made_s), compact_time(self.made_s));
        Segment::new("EDI_DC40")
            .field("TABNAM", "EDI_DC40")
            .field("MANDT", profile.client)
            .field("DOCNUM", format!("{:016}", self.number))
            .field("STATUS", "30")
            .field("DIRECT", "1")
            .field("IDOCTYP", self.basic_type)
            .field("MESTYP", self.message)
            .field("SNDPOR", profile.own_port)
            .field("SNDPRT", "LS")
            .field("SNDPRN", profile.own_system)
            .field("RCVPOR", profile.partner_port)
            .field("RCVPRT", "LS")
            .field("RCVPRN", profile.partner)
            .field("CREDAT", date.as_str())
            .field("CRETIM", time.as_str())
            .field("SERIAL", format!("{date}{time}"))
    }
}

/// A file of IDocs of one basic type.
pub fn file(idocs: &[Idoc], profile: &Profile) -> Vec<u8> {
    let Some(first) = idocs.first() else { return Vec::new() };
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{}>\n", first.basic_type);
    for idoc in idocs {
        xml.push_str("<IDOC BEGIN=\"1\">\n");
        idoc.control(profile).write(&mut xml, 1);
        idoc.segments.iter().for_each(|segment| segment.write(&mut xml, 1));
        xml.push_str("</IDOC>\n");
    }
    xml.push_str(&format!("</{}>\n", first.basic_type));
    xml.into_bytes()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tree;
    use super::*;

    #[test]
    fn a_file_holds_its_idocs_with_their_control_records() {
        let idoc = |number| Idoc {
            number,
            basic_type: "LOISTD01",
            message: "LOISTD",
            made_s: 1_763_800_000,
            segments: vec![Segment::new("E1MDSTL").field("MATNR", "A&B").below([Segment::new("E1PLSEL")])],
        };
        let root = tree::read(&file(&[idoc(7), idoc(8)], &Profile::default())).unwrap();
        assert_eq!((root.name.as_str(), root.all("IDOC").count()), ("LOISTD01", 2));
        let first = root.child("IDOC").unwrap();
        assert_eq!(first.child("EDI_DC40").unwrap().field("DOCNUM"), "0000000000000007");
        assert_eq!(first.child("EDI_DC40").unwrap().field("SERIAL"), "20251122082640");
        assert_eq!(first.child("E1MDSTL").unwrap().field("MATNR"), "A&B");
    }
}
