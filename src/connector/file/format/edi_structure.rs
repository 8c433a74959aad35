//! The declared tree of a message: segments, loops, qualifiers, hierarchy and totals.
//!
//! The same declaration reads (segments to tree) and writes (tree to segments). Not here: carrying it out (`read`, `write`).

/// What a message looks like below its envelope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Structure {
    pub items: Vec<Item>,
    pub unknown: UnknownSegments,
    /// Segments that number themselves and name their parent.
    pub hierarchy: Option<Hierarchy>,
    /// Pairs of qualifier and value from this position on, gathered under a name: `PO1.06` as `ids`.
    pub pairs: Vec<(SegmentPosition, String)>,
    /// Elements that are numbers: the interchange's decimal mark becomes a point.
    pub numbers: Vec<SegmentPosition>,
    /// Numbers without a point, and how many decimals they imply (X12 type N2).
    pub implied_decimals: Vec<(SegmentPosition, u32)>,
    /// X12 elements that are composites.
    pub composites: Vec<SegmentPosition>,
    /// Elements that may repeat; always lists.
    pub repeats: Vec<SegmentPosition>,
    /// Loops that are listed at the outermost level, however deep they stand: items of an 856 lie under packs or under orders.
    pub flatten: Vec<String>,
    pub totals: Vec<MessageTotal>,
    /// Sums that the message does not state, added as `sums.<name>` when reading: of one element, or of a product of two.
    pub sums: Vec<(String, SumOf)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Under which name it stands in the tree.
    pub name: String,
    pub required: bool,
    /// Any number of times: a list. Otherwise at most once: an object.
    pub many: bool,
    pub kind: ItemKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    Segment(Selector),
    /// Begins with its first item, which is a segment.
    Loop(Vec<Item>),
}

impl Item {
    /// The segment that tells that this item is there; `None` for a loop that does not begin with a segment, which `check` refuses.
    pub fn trigger(&self) -> Option<&Selector> {
        match &self.kind {
            ItemKind::Segment(selector) => Some(selector),
            ItemKind::Loop(items) => match items.first().map(|first| &first.kind) {
                Some(ItemKind::Segment(selector)) => Some(selector),
                Some(ItemKind::Loop(_)) | None => None,
            },
        }
    }
}

/// What to do with segments that the structure does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownSegments {
    #[default]
    Refuse,
    /// Listed as `other` where they stand, each with its `tag`.
    Other,
}

/// A segment by tag and, if given, by the values of some elements: `N1[01=ST]`, `REF[01=CN|2I]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub tag: String,
    pub qualifiers: Vec<(Position, Vec<String>)>,
}

/// 1-based element and component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub element: usize,
    pub component: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPosition {
    pub segment: Selector,
    pub position: Position,
}

/// `HL`: id in 01, parent's id in 02, level in 03, whether there are children in 04. `CPS` has no fourth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    pub tag: String,
    pub has_child_flag: bool,
    /// Levels lie in loops within each other; otherwise side by side, and the parent is any level before.
    pub nested: bool,
}

/// A count or sum that the message states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTotal {
    /// Name of an item of the outermost level and a position in it: `CTT.01`, `line_count.01.02`.
    pub item: String,
    pub position: Position,
    pub of: TotalOf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TotalOf {
    Count(Selector),
    Sum(SegmentPosition),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SumOf {
    Element(SegmentPosition),
    /// Two positions of the same segment.
    Product(SegmentPosition, Position),
}

impl Position {
    /// `03`, `01.02`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = |part: &str| match part.parse::<usize>() {
            Ok(number) if (1..=999).contains(&number) && part.len() >= 2 => Ok(number),
            Ok(_) | Err(_) => Err(format!("{part:?} is not a position; write two digits, from 01")),
        };
        match text.split_once('.') {
            None => Ok(Self { element: number(text)?, component: None }),
            Some((element, component)) => Ok(Self { element: number(element)?, component: Some(number(component)?) }),
        }
    }

    /// Its keys in the tree.
    pub fn text(self) -> String {
        match self.component {
            None => format!("{:02}", self.element),
            Some(component) => format!("{:02}.{component:02}", self.element),
        }
    }
}

impl Selector {
    /// `REF`, `REF[01=IA]`, `DTM[01.01=137|2]`, `PIA[01=1,02.02=SA]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tag, rest) = match text.split_once('[') {
            None => (text, None),
            Some((tag, rest)) => {
                let inner = rest.strip_suffix(']').ok_or_else(|| format!("{text:?} lacks its closing `]`"))?;
                (tag, Some(inner))
            }
        };
        let is_tag = (2..=3).contains(&tag.len())
            && tag.starts_with(|c: char| c.is_ascii_uppercase())
            && tag.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !is_tag {
            return Err(format!("{tag:?} is not a segment's tag; write two or three capital letters or digits"));
        }
        let mut qualifiers = Vec::new();
        for part in rest.into_iter().flat_map(|rest| rest.split(',')) {
            let (position, values) = part.split_once('=').ok_or_else(|| format!("{part:?} is not `position=value`"))?;
            let values: Vec<String> = values.split('|').map(str::to_owned).collect();
            if values.iter().any(String::is_empty) {
                return Err(format!("{part:?} has an empty value"));
            }
            qualifiers.push((Position::parse(position.trim())?, values));
        }
        Ok(Self { tag: tag.to_owned(), qualifiers })
    }
}

impl SegmentPosition {
    /// `PO1.02`, `QTY[01=21].01.02`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let split = match text.find(']') {
            Some(end) => text.get(..=end).zip(text.get(end + 1..).and_then(|rest| rest.strip_prefix('.'))),
            None => text.split_once('.'),
        };
        let (segment, position) =
            split.ok_or_else(|| format!("{text:?} is not a segment and a position, such as `PO1.02`"))?;
        Ok(Self { segment: Selector::parse(segment)?, position: Position::parse(position)? })
    }
}

impl Item {
    /// `BEG`, `BEG!` (required), `PID*` (a list), `LIN+` (a list of at least one).
    pub fn parse_segment(name: Option<&str>, text: &str) -> Result<Self, String> {
        let (text, required, many) = marks(text);
        let selector = Selector::parse(text)?;
        let (name, name_required, name_many) = marks(name.unwrap_or(&selector.tag));
        let name = name.to_owned();
        let (required, many) = (required || name_required, many || name_many);
        Ok(Self { name, required, many, kind: ItemKind::Segment(selector) })
    }

    pub fn parse_loop(name: &str, items: Vec<Item>) -> Self {
        let (name, required, many) = marks(name);
        Self { name: name.to_owned(), required, many, kind: ItemKind::Loop(items) }
    }
}

fn marks(text: &str) -> (&str, bool, bool) {
    match text.as_bytes().last() {
        Some(b'!') => (&text[..text.len() - 1], true, false),
        Some(b'*') => (&text[..text.len() - 1], false, true),
        Some(b'+') => (&text[..text.len() - 1], true, true),
        Some(_) | None => (text, false, false),
    }
}
