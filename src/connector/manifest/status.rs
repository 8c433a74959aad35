//! Sets of HTTP statuses: `422`, `4xx`, `500-599`, or a list of these.
//!
//! Not here: what a status means (`errors`).

use crate::config::yaml::{Context, Decode, Kind, Node};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    /// Inclusive ranges.
    ranges: Vec<(u16, u16)>,
}

impl StatusSet {
    pub fn success() -> Self {
        Self { ranges: vec![(200, 299)] }
    }

    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&status))
    }
}

impl Decode for StatusSet {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let nodes = match &node.kind {
            Kind::Seq(items) => items.as_slice(),
            Kind::Scalar(_) | Kind::Map(_) => std::slice::from_ref(node),
        };
        let read = |node: &Node| {
            let range = node.as_str().and_then(range);
            if range.is_none() {
                cx.expected(node, "a status such as `422`, `4xx` or `500-599`");
            }
            range
        };
        let ranges: Vec<Option<(u16, u16)>> = nodes.iter().map(read).collect();
        let ranges: Option<Vec<(u16, u16)>> = ranges.into_iter().collect();
        ranges.map(|ranges| Self { ranges })
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let status = |text: &str| text.parse::<u16>().ok().filter(|status| text.len() == 3 && (100..=599).contains(status));
    if let Some(class) = text.strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
        return Some((class * 100, class * 100 + 99));
    }
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (status(from)?, status(to)?);
    (from <= to).then_some((from, to))
}
