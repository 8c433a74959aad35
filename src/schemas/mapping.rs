//! Mapping files and crosswalks.
//!
//! Not here: which fields an entity has (`syncline schema <entity>`).

use super::shape::Shape::{Any, Either, Flag, List, Named, Of, Text, Whole};
use super::shape::{Definition, Key, ONE_OR_MANY, TEXTS, key, map, must, set};

pub(super) static MAPPING: Definition = map(
    "mapping",
    "Field tables both ways: mappings/<connector>/<entity>.yaml.",
    &[&[
        must("mapping", Text, "connector/entity, also the file's place"),
        key("in", Named(&Either(&[Text, Of(&CELL)])), "Canonical field to where it comes from in the vendor's payload"),
        key(
            "out",
            Named(&Either(&[Text, Of(&CELL)])),
            "The vendor's field to where it comes from in the canonical record",
        ),
        key("let", Named(&Either(&[Text, Of(&CELL)])), "Cells that are named once and used several times"),
        key("exponents", Named(&Whole), "Minor units where they differ from values.yaml and ISO 4217"),
        key("defaults", Of(&DEFAULTS), "For all cells"),
        key("tests", List(&Of(&TEST)), "At least one for each direction"),
    ]],
);

static STYLE: &[Key] = &[
    key("zone", Text, "Whose local time a pattern means"),
    key("ambiguous", set!("earlier", "later"), "The hour that occurs twice"),
    key("decimal", set!("point", "comma"), "The decimal sign of numbers in text"),
    key("grouping", Text, "One character between thousands"),
    key("trailing_minus", Flag, "1.234,50- is negative"),
    key("trim", Flag, "Strip blanks"),
    key("nulls", TEXTS, "Texts that mean no value"),
];
static DEFAULTS: Definition = map("defaults", "How the payload writes things.", &[STYLE]);
static CELL: Definition = map(
    "cell",
    "Where a value comes from, exactly one of from, money, minor, expr, const, each, ref; and its form.",
    &[
        &[
            key("from", Text, "A path; $record, $settings, $binding begin elsewhere"),
            key("use", Text, "A cell of `let`; the cell's own keys win"),
            key("each", ONE_OR_MANY, "The path of a list, or of several, with `fields` for their items"),
            key("when", Text, "With each: over `item`, which items count"),
            key("join", Either(&[Of(&JOIN), List(&Of(&JOIN))]), "With each: what goes with an item in another list"),
            key("money", Text, "A path to an amount in major units"),
            key("minor", Text, "A path to an amount in whole minor units"),
            key("expr", Text, "An expression; sees record, item, settings, and going out binding"),
            key("const", Text, "Always this value"),
            key("ref", Text, "Out: the destination's id of the record that the field names"),
            key("extra", Text, "With ref: one of its extras"),
            key("fields", Named(&Either(&[Text, Of(&CELL)])), "A table for an object or the items of a list"),
            key(
                "as",
                set!("text", "integer", "number", "bool", "money", "minor"),
                "The type where the schema does not decide",
            ),
            key("currency", Either(&[Text, Of(&CELL)]), "Of an amount; absent: the record's"),
            key("values", Text, "A crosswalk of values.yaml"),
            key("optional", Flag, "The path may be missing"),
            key("required", Flag, "There must be a value"),
            key("personal", Flag, "Says something about a person: masked in logs"),
            key("sum", Flag, "Adds up all values of a path with []"),
            key("format", Text, "Times and dates: unix_s, unix_ms, unix_us, or a pattern"),
            key("absent", set!("omit", "null", "empty"), "Out: what is written without a value"),
        ],
        STYLE,
    ],
);
static JOIN: Definition = map(
    "join",
    "Items of another list that belong to an item.",
    &[&[
        must("as", Text, "The name under which expressions and paths see it"),
        must("list", Text, "The path of the other list"),
        must("on", Either(&[Text, Of(&JOIN_ON)]), "What is equal in both"),
        key("when", Text, "Over `item`: which of them count"),
        key("items", Text, "Where the items are within an element of that list"),
        key("optional", Flag, "There may be none"),
    ]],
);
static JOIN_ON: Definition = map(
    "join_on",
    "What is equal, where it is not called the same on both sides.",
    &[&[must("item", Text, "In the item"), must("list", Text, "In the other list")]],
);
static TEST: Definition = map(
    "test",
    "What is given, and what has to come out.",
    &[&[
        key("name", Text, "What it shows"),
        must("given", Any, "A fixture's name, or the record in place"),
        key("direction", set!("in", "out"), "in unless it is said"),
        key("at", Text, "A part of the fixture"),
        key("settings", Named(&Any), "The connection's"),
        key("refs", List(&Of(&REFERENCE)), "What the destination knows of other records"),
        key("binding", Any, "The record's own id at the destination"),
        key("expect", Any, "The fields to compare; null: absent"),
        key("expect_error", Text, "A part of the message"),
    ]],
);
pub(super) static REFERENCE: Definition = map(
    "reference",
    "A record that the destination knows.",
    &[&[
        must("entity", Text, "Its entity"),
        must("key", Text, "Its natural key"),
        key("id", Text, "The destination's id; absent: it knows none"),
        key("extra", Named(&Any), "Its extras"),
    ]],
);

pub(super) static VALUES: Definition = map(
    "values",
    "Crosswalks: mappings/<connector>/values.yaml.",
    &[&[
        must("values", Text, "The connector"),
        key("exponents", Named(&Whole), "Minor units of currencies where they differ from ISO 4217"),
        key("crosswalks", Named(&Named(&Either(&[Text, Of(&LINE)]))), "The vendor's value to the canonical one"),
    ]],
);
static LINE: Definition = map(
    "crosswalk_line",
    "A line that may not be used for the way back.",
    &[&[must("to", Text, "The canonical value"), key("reverse", Flag, "false: not used for the way back")]],
);
