//! The `tests:` of a mapping file as written.
//!
//! Not here: running them (see `testing`).

use crate::config::yaml::{Context, Decode, Node, Place, Spanned};

/// One entry of `tests:`, as nodes that are read when the test runs.
#[derive(Debug, Clone)]
pub(super) struct TestSpec {
    pub place: Place,
    pub name: Option<String>,
    pub outward: bool,
    pub given: Node,
    pub at: Option<Spanned<String>>,
    pub settings: Option<Node>,
    pub refs: Vec<RefSpec>,
    pub binding: Option<String>,
    pub expect: Option<Node>,
    pub expect_error: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct RefSpec {
    pub entity: Spanned<String>,
    pub key: String,
    pub id: Option<String>,
    pub extra: Option<Node>,
}

crate::choice! {
    pub enum Direction ("direction") { In = "in", Out = "out" }
}

impl Decode for TestSpec {
    fn decode(node: &Node, cx: &Context) -> Option<TestSpec> {
        let reader = cx.map(node, "test")?;
        let given = reader.required("given");
        let direction = reader.or("direction", Direction::In);
        let spec = TestSpec {
            place: cx.place(node.span),
            name: reader.optional("name"),
            outward: direction == Direction::Out,
            given: given?,
            at: reader.optional("at"),
            settings: reader.optional("settings"),
            refs: reader.list("refs"),
            binding: reader.optional("binding"),
            expect: reader.optional("expect"),
            expect_error: reader.optional("expect_error"),
        };
        if spec.expect.is_some() == spec.expect_error.is_some() {
            reader.error("expect", "a test has either `expect` or `expect_error`", "say what should come out");
        }
        reader.finish();
        Some(spec)
    }
}

impl Decode for RefSpec {
    fn decode(node: &Node, cx: &Context) -> Option<RefSpec> {
        let reader = cx.map(node, "reference")?;
        let (entity, key) = (reader.required("entity"), reader.required("key"));
        let (id, extra) = (reader.optional("id"), reader.optional("extra"));
        reader.finish();
        Some(RefSpec { entity: entity?, key: key?, id, extra })
    }
}
