//! What a manifest says about files.
//!
//! Not here: the formats (`connector::file`).

use super::shape::Shape::{Any, Duration, Either, Flag, List, Named, Of, Percent, Text, Whole, Words};
use super::shape::{Body, Definition, Key, TEXTS, key, map, must, set, variant};
use crate::connector::file::Encoding;

fn encodings() -> Vec<&'static str> {
    Encoding::ALL.iter().map(|encoding| encoding.name()).collect()
}

pub(super) static FILE_READ: &[Key] = &[
    must("folder", Text, "Where they appear"),
    must("pattern", Text, "Which: stock_{seq}.csv, orders_*.xml"),
    key("ignore_case", Flag, "Of names"),
    must("marker", Of(&MARKER), "When a file is complete"),
    must("format", Of(&FORMAT_IN), "What is in it"),
    key("partner", Of(&PARTNER), "Who writes to whom, for x12 and edifact"),
    must("mode", set!("snapshot", "delta"), "Everything, or what changed"),
    key("min_rows", Percent, "A snapshot with fewer than this share of the last is held"),
    key("every", Duration, "How often the folder is looked at"),
];
pub(super) static FILE_WRITE: &[Key] = &[
    must("folder", Text, "Where they go"),
    must("name", Text, "With {batch.sequence} or {batch.time}"),
    must("format", Of(&FORMAT_OUT), "What is in it"),
    key("batch", Of(&BATCH), "When a file is complete"),
    key("marker", Text, "The ending of an empty file that says it is complete"),
    key("partner", Of(&PARTNER), "Who writes to whom, for x12 and edifact"),
];
pub(super) static BATCH: Definition = map(
    "file_batch",
    "Complete at so many records, or after so long.",
    &[&[must("records", Whole, "At most 512"), must("every", Duration, "Or after this")]],
);
static MARKER: Definition = Definition {
    name: "marker",
    doc: "When a file is complete.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "What says so",
        default: None,
        shared: &[&[key("settle", Duration, "How long a complete one rests")]],
        variants: &[
            variant("suffix", "A marker file: the name and an ending", &[&[must("suffix", Text, "The ending")]]),
            variant("replace", "A marker file: another extension", &[&[must("suffix", Text, "The extension")]]),
            variant("rename", "Its own name, by renaming", &[]),
            variant("stable", "Its size does not change", &[&[must("stable_for", Duration, "For so long")]]),
        ],
    },
};
static PARTNER: Definition = map(
    "partner",
    "Who writes to whom.",
    &[&[
        key("sender", Text, "Identification of the sender"),
        key("sender_qualifier", Text, "Its qualifier; out only"),
        key("receiver", Text, "Identification of the receiver"),
        key("receiver_qualifier", Text, "Its qualifier; out only"),
        key("usage", Text, "P or T"),
    ]],
);

static LINE_END: &[Key] = &[key("line_end", set!("lf_or_crlf", "cr"), "How rows end")];
static CSV_IN: &[Key] = &[
    key("delimiter", Text, "One character, or tab"),
    key("quoted", Flag, "Whether values may stand in quotes"),
    key("quote", Text, "One character"),
    key("comment", Text, "Rows that begin with it are no rows"),
    key("required", TEXTS, "Columns that must be there"),
    key("columns", Either(&[set!("first_row"), TEXTS]), "first_row, or their names"),
    key("record_types", Of(&CSV_TYPES), "Rows of several kinds"),
    key("sections", Of(&SECTIONS), "Tagged reports with footers"),
    key("skip_records", Whole, "Before the names"),
    key("sep_line", Flag, "Whether a first line sep=; is understood"),
    key("trailing_empty_column", Flag, "Rows end with a delimiter"),
    key("skip_repeated_names", Flag, "The row of names may come again"),
    key("skip_empty_records", Flag, "Rows without a value are no rows"),
    key("final_line_end", Flag, "A last row without its line end is refused"),
];
static STATEMENT: &[Key] = &[
    key("numbering", set!("none", "statements", "files"), "What is numbered without a gap"),
    key("balances", set!("required", "optional"), "Whether both balances must be there"),
];
static EDI_STRUCTURE: &[Key] = &[
    must("segments", List(&Any), "BEG!, PID*, name: REF[01=IA], or a loop lines+: [PO1, PID*]"),
    key("unknown", set!("refuse", "other"), "Segments that are not named"),
    key("hierarchy", Either(&[Text, Of(&HIERARCHY)]), "Numbers and parents: HL"),
    key("pairs", Named(&Text), "Qualifier and value in turn"),
    key("implied_decimals", Named(&Whole), "22250 is 222.50"),
    key("numbers", TEXTS, "Elements that are numbers"),
    key("composites", TEXTS, "Elements in parts"),
    key("repeats", TEXTS, "Elements that repeat"),
    key("control_totals", List(&Of(&MESSAGE_TOTAL)), "Compared when stated; filled in when writing"),
    key("sums", Named(&Any), "What nobody states; in only"),
    key("flatten", TEXTS, "Loops listed at the top, however deep they stand; in only"),
];
static EDI_IN: &[Key] = &[
    must("messages", TEXTS, "Which messages"),
    key("versions", TEXTS, "Beginnings of their versions"),
    key("any_case", Flag, "Tags in small letters too"),
];
static FORMAT_IN: Definition = Definition {
    name: "file_format",
    doc: "What is in a file that is read.",
    body: Body::Tagged {
        tag: "type",
        doc: "The format",
        default: None,
        shared: &[&[
            key("encoding", Words(encodings), "Its characters"),
            key("compression", set!("none", "gzip"), "How it is packed"),
            key("rows", set!("all_or_nothing", "reject_bad_rows"), "What a bad row does"),
            key("empty", set!("error", "no_changes"), "What a file without rows means"),
            key("totals", List(&Of(&TOTAL)), "What has to tie"),
            key("control_file_name", Text, "The file that states totals"),
            key("position", Text, "A column for the row's place"),
            key("only", Of(&ONLY), "Some rows are handed on, all are checked"),
        ]],
        variants: &[
            variant("csv", "Delimited text", &[CSV_IN, LINE_END]),
            variant(
                "fixed",
                "Columns of fixed width",
                &[FIXED_IN, &[key("fields", List(&Of(&FIXED_FIELD)), "Where there is one kind of record")], LINE_END],
            ),
            variant(
                "xml",
                "XML",
                &[&[
                    must("record", Text, "The path of a record's element"),
                    key("lists", TEXTS, "Elements that are lists even when there is one"),
                    key("attributes", Flag, "Whether attributes are read"),
                    key("repeats", set!("refuse", "array"), "What repeats without being a list"),
                ]],
            ),
            variant("json_lines", "A JSON object a line", &[]),
            variant("json", "One JSON document", &[&[key("records", Text, "Where the list is")]]),
            variant("x12", "ANSI X12", &[EDI_STRUCTURE, EDI_IN]),
            variant("edifact", "UN/EDIFACT", &[EDI_STRUCTURE, EDI_IN]),
            variant(
                "mt940",
                "SWIFT MT940",
                &[STATEMENT, &[key("terminator", set!("required", "optional"), "Whether the last `-` must be there")]],
            ),
            variant("bai2", "BAI2", &[STATEMENT]),
            variant("camt053", "ISO 20022 camt.053", &[STATEMENT]),
        ],
    },
};
static CSV_TYPES: Definition = map(
    "csv_record_types",
    "Rows of several kinds.",
    &[&[
        key("column", Whole, "Which column tells them apart"),
        must("types", Named(&Of(&CSV_TYPE)), "By what it says"),
    ]],
);
static CSV_TYPE: Definition = map(
    "csv_record_type",
    "One kind of row.",
    &[&[must("role", set!("header", "data", "trailer"), "What such a row is"), must("columns", TEXTS, "Its columns")]],
);
static SECTIONS: Definition = map(
    "sections",
    "Tagged reports with footers.",
    &[&[
        must("first", Text, "Tag of the first row"),
        must("last", Text, "Tag of the last row"),
        must("names", Text, "Tag of the row of names"),
        must("rows", Text, "Tag of rows"),
        key("heads", List(&Of(&SECTION_HEAD)), "Rows whose columns go with every row"),
        key("counts", List(&Of(&SECTION_COUNT)), "Footers that count"),
        key("sums", List(&Of(&SECTION_SUM)), "Footers that add up"),
    ]],
);
static SECTION_HEAD: Definition = map(
    "section_head",
    "A row whose columns go with every row.",
    &[&[must("tag", Text, "Its tag"), key("columns", TEXTS, "Its columns")]],
);
static SECTION_COUNT: Definition = map(
    "section_count",
    "A footer that counts.",
    &[&[must("tag", Text, "Its tag"), must("scope", set!("section", "report"), "Of what")]],
);
static SECTION_SUM: Definition = map(
    "section_sum",
    "A footer that adds up.",
    &[&[
        must("tag", Text, "Its tag"),
        must("scope", set!("section", "report"), "Of what"),
        must("position", Whole, "Where the sum stands"),
        must("column", Text, "What is added"),
        must("group", Text, "What it is told apart by"),
        key("when", Text, "Only rows whose column"),
        key("equals", Text, "says this"),
    ]],
);
static FIXED_IN: &[Key] = &[
    must("record_length", Whole, "How long a record is"),
    key("unit", set!("characters", "utf8_bytes"), "In what it is counted"),
    key("lines", Flag, "Whether records are lines"),
    key("short_lines", Flag, "Whether blanks at the end may be missing"),
    key("record_types", Of(&FIXED_TYPES), "Records of several kinds"),
];
static FIXED_TYPES: Definition = map(
    "fixed_record_types",
    "Records of several kinds.",
    &[&[
        must("start", Whole, "Where the kind stands"),
        must("length", Whole, "How long it is"),
        must("types", Named(&Of(&FIXED_TYPE)), "By what it says"),
    ]],
);
static FIXED_TYPE: Definition = map(
    "fixed_record_type",
    "One kind of record.",
    &[&[
        must("role", set!("header", "data", "trailer"), "What such a record is"),
        must("fields", List(&Of(&FIXED_FIELD)), "Its fields"),
    ]],
);
static FIXED_FIELD: Definition = map(
    "fixed_field",
    "A field; with decimals it is a number.",
    &[&[
        must("name", Text, "Its name"),
        must("start", Whole, "Counted from 1"),
        must("length", Whole, "How long it is"),
        key("decimals", Whole, "A number with so many implied"),
        key("sign_at", Whole, "Where its sign stands"),
        key("sign", set!("none", "leading", "trailing", "overpunch"), "Where its sign is"),
        key("trim", set!("none", "right", "left", "both"), "Blanks of a text"),
    ]],
);
static HIERARCHY: Definition = map(
    "hierarchy",
    "Numbers and parents.",
    &[&[
        must("segment", Text, "Which segment"),
        key("child_flag", Flag, "Whether it says that it has children"),
        key("nested", Flag, "Whether children stand in their parents"),
    ]],
);
static MESSAGE_TOTAL: Definition = map(
    "message_total",
    "A total of a message.",
    &[&[
        must("at", Text, "Where it stands: CTT.01"),
        key("count", Text, "Of these segments"),
        key("sum", Text, "Of these elements"),
    ]],
);
const DECIMAL: super::shape::Shape =
    set!("point", "comma", "grouped_point", "grouped_comma", "grouped_apostrophe", "grouped_blank");
static STATED: &[Key] = &[
    key("header", Text, "In this column of the header"),
    key("trailer", Text, "In this column of the trailer"),
    key("control_file", Text, "Under this key of the control file"),
];
static EQUATION: &[Key] = &[
    key("plus", TEXTS, "Columns that are added"),
    key("minus", TEXTS, "Columns that are taken off"),
    key("decimal", DECIMAL, "How amounts are written"),
];
static TOTAL: Definition = Definition {
    name: "control_total",
    doc: "What has to tie.",
    body: Body::Tagged {
        tag: "check",
        doc: "What is compared",
        default: None,
        shared: &[],
        variants: &[
            variant("count", "How many rows", &[STATED, &[key("record_type", Text, "Of this kind")]]),
            variant(
                "sum",
                "A column's sum",
                &[
                    STATED,
                    &[
                        key("record_type", Text, "Of this kind"),
                        must("column", Text, "Which column"),
                        key("decimal", DECIMAL, "How amounts are written"),
                        key("stated_decimal", DECIMAL, "How the total is written"),
                        key("positives_only", Flag, "Negative ones are left out"),
                    ],
                ],
            ),
            variant(
                "sequence",
                "Files follow each other",
                &[STATED, &[key("wraps_after", Whole, "The last number before 1")]],
            ),
            variant("row", "A column is what others make", &[&[must("column", Text, "Which")], EQUATION]),
            variant("zero_sum", "A batch comes out even", &[&[key("per", TEXTS, "What makes a batch")], EQUATION]),
            variant("distinct", "No two rows agree in these columns", &[&[key("columns", TEXTS, "Which")]]),
        ],
    },
};
static ONLY: Definition = map(
    "only",
    "Some rows are handed on.",
    &[&[must("column", Text, "Whose column"), must("values", TEXTS, "says one of these")]],
);

static CSV_OUT: &[Key] = &[
    key("delimiter", Text, "One character, or tab"),
    key("quoted", Flag, "Whether values may stand in quotes"),
    key("quote", Text, "One character"),
    key("quoting", set!("when_needed", "always"), "When they do"),
    must("columns", List(&Either(&[Text, Of(&LITERAL)])), "Fields in their order"),
    key("names_row", Flag, "Whether names come first"),
    key("header", CONTROL_ROW, "A row before"),
    key("trailer", CONTROL_ROW, "A row behind"),
    key("numeric_columns", TEXTS, "Columns that are numbers for certain"),
    key("formulas", set!("keep", "neutralise"), "Text that a spreadsheet would calculate"),
];
const CONTROL_ROW: super::shape::Shape = List(&Either(&[Text, Of(&CONTROL_CELL)]));
static LITERAL: Definition =
    map("literal", "A column that is always the same.", &[&[must("literal", Text, "Its text")]]);
static CONTROL_CELL: Definition = map(
    "control_cell",
    "A cell of a header or trailer.",
    &[&[
        key("given", Text, "A value of the batch"),
        key("count", Whole, "How many rows, in so many digits"),
        key("sum", Text, "Of this field"),
        key("decimal", DECIMAL, "How it is written"),
        key("positives_only", Flag, "Negative ones are left out"),
    ]],
);
static EDI_OUT: &[Key] = &[
    must("message", Text, "Which message"),
    must("version", Text, "Its version"),
    key("line_breaks", Flag, "A line for each segment"),
    key("control_numbers", Of(&CONTROL_NUMBERS), "A range of its own"),
    key("gather", Text, "Rows that differ only in this list make one message"),
    key("line_numbers", TEXTS, "Elements that are counted"),
    key("stamps", Named(&set!("date", "time", "minute", "number")), "What fills elements that the row leaves out"),
    key("delimiters", Of(&DELIMITERS), "Other than usual"),
];
static CONTROL_NUMBERS: Definition =
    map("control_numbers", "A range of control numbers.", &[&[key("first", Whole, "From"), key("last", Whole, "To")]]);
static DELIMITERS: Definition = map(
    "delimiters",
    "What is not named is as usual.",
    &[&[
        key("element", Text, "Between elements"),
        key("component", Text, "Between parts"),
        key("segment", Text, "Behind segments"),
        key("repetition", Text, "Between repeated elements"),
        key("decimal", Text, "The decimal mark"),
    ]],
);
static FORMAT_OUT: Definition = Definition {
    name: "file_format_out",
    doc: "What is in a file that is written.",
    body: Body::Tagged {
        tag: "type",
        doc: "The format",
        default: None,
        shared: &[&[
            key("encoding", Words(encodings), "Its characters"),
            key("unmappable", set!("fail", "transliterate", "replace"), "Characters that the encoding does not have"),
            key("replacement", Text, "What stands for them"),
            key("byte_order_mark", Flag, "Whether it begins with one"),
            key("line_end", set!("crlf", "lf"), "How rows end"),
        ]],
        variants: &[
            variant("csv", "Delimited text", &[CSV_OUT]),
            variant(
                "fixed",
                "Columns of fixed width",
                &[
                    FIXED_IN,
                    &[
                        key("fields", List(&Of(&FIXED_FIELD)), "Where there is one kind of record"),
                        key("data", Text, "The kind of data records"),
                        key("header", Named(&Either(&[Text, Of(&CONTROL_CELL)])), "Fields of the header"),
                        key("trailer", Named(&Either(&[Text, Of(&CONTROL_CELL)])), "Fields of the trailer"),
                    ],
                ],
            ),
            variant(
                "xml",
                "XML",
                &[&[
                    must("record", Text, "The path of a record's element"),
                    key("root_attributes", Named(&Text), "Attributes of the outermost element"),
                ]],
            ),
            variant("json_lines", "A JSON object a line", &[]),
            variant("x12", "ANSI X12", &[EDI_STRUCTURE, EDI_OUT, &[must("group", Text, "GS01")]]),
            variant(
                "edifact",
                "UN/EDIFACT",
                &[
                    EDI_STRUCTURE,
                    EDI_OUT,
                    &[
                        must("charset", Text, "UNOA, UNOB, UNOC, UNOY"),
                        key("charset_version", Text, "3 unless it is said"),
                    ],
                ],
            ),
        ],
    },
};
