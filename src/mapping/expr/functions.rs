//! Every function of the expression language, with an example and its result: what is not listed here does not compile.
//!
//! Not here: what they do (see `engine`, `lists`), how calls are found in a source (see `calls`).

/// One function as documented. `mappings/README.md` has this list, and a test compares them.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    pub does: &'static str,
    pub example: &'static str,
    /// As JSON.
    pub result: &'static str,
}

const fn function(name: &'static str, does: &'static str, example: &'static str, result: &'static str) -> Function {
    Function { name, does, example, result }
}

/// By kind: values, numbers, texts, lists, objects.
pub const FUNCTIONS: &[Function] = &[
    function("type_of", "what a value is: string, i64, decimal, bool, array, map, ()", "type_of(#{a: 1})", "\"map\""),
    function("to_string", "any scalar as text", "12.to_string()", "\"12\""),
    function("decimal", "the number that a text is, exactly", "decimal(\"47.90\") + 1", "48.9"),
    function("integer", "the whole number that a text is", "integer(\"0080\")", "80"),
    function("round_half_up", "rounded to so many decimals", "round_half_up(2.345, 2)", "2.35"),
    function(
        "divide_half_up",
        "a quotient rounded to so many decimals; `/` refuses to round",
        "divide_half_up(1, 3, 2)",
        "0.33",
    ),
    function("abs", "without its sign", "abs(-3)", "3"),
    function("min", "the lesser of two", "min(2, 3)", "2"),
    function("max", "the greater of two", "max(2, 3)", "3"),
    function("len", "characters of a text, items of a list, members of an object", "\"Größe\".len()", "5"),
    function("is_empty", "whether a text, list or object is empty", "\"\".is_empty()", "true"),
    function(
        "contains",
        "whether a text has a text, a list a value, an object a member",
        "\"a-b\".contains(\"-\")",
        "true",
    ),
    function("index_of", "where in a text or list it is, from 0; -1 for nowhere", "\"a-b\".index_of(\"-\")", "1"),
    function("starts_with", "whether a text begins so", "\"#1001\".starts_with(\"#\")", "true"),
    function("ends_with", "whether a text ends so", "\"a.csv\".ends_with(\".csv\")", "true"),
    function("sub_string", "from a position on, and how many characters", "\"20261120\".sub_string(4, 2)", "\"11\""),
    function("split", "a text cut into a list", "\"SalesOrd:A\".split(\":\")[-1]", "\"A\""),
    function("to_upper", "in capitals", "\"eur\".to_upper()", "\"EUR\""),
    function("to_lower", "in small letters", "\"A@B.C\".to_lower()", "\"a@b.c\""),
    function("trimmed", "without blanks at both ends", "trimmed(\" a \")", "\"a\""),
    function("replaced", "every occurrence replaced", "replaced(\"10.5\", \".\", \",\")", "\"10,5\""),
    function(
        "pad_left",
        "filled up on the left to so many characters",
        "pad_left(\"80\", 10, \"0\")",
        "\"0000000080\"",
    ),
    function(
        "digits_of",
        "that many digits which are always the same for a text: a number for partners whose numbers are not ours",
        "digits_of(\"S-1\", 8)",
        "\"04607601\"",
    ),
    function("strip_prefix", "without that beginning, if it has it", "strip_prefix(\"#1001\", \"#\")", "\"1001\""),
    function("strip_suffix", "without that end, if it has it", "strip_suffix(\"5 kg\", \" kg\")", "\"5\""),
    function("get", "item of a list or member of an object, null where there is none", "#{a: 1}.get(\"b\")", "null"),
    function("keys", "names of an object's members", "#{a: 1}.keys()", "[\"a\"]"),
    function("values", "values of an object's members", "#{a: 1}.values()", "[1]"),
    function("extract", "part of a list: from where, and how many", "[1, 2, 3].extract(1, 2)", "[2,3]"),
    function(
        "pluck",
        "the values on a path of every item; `[]` in it flattens",
        "pluck([#{a: [1]}, #{a: [2, 3]}], \"a[]\")",
        "[1,2,3]",
    ),
    function(
        "sum",
        "of numbers, or of the numbers on a path; texts that are numbers count, nulls do not",
        "sum([#{n: 1}, #{n: \"0.50\"}], \"n\")",
        "1.5",
    ),
    function(
        "find",
        "first item with that value (or one of a list of values) on the path, or null",
        "find([#{id: 1}, #{id: 2}], \"id\", 2)",
        "{\"id\":2}",
    ),
    function(
        "where",
        "all items with that value on the path",
        "where([#{s: \"a\"}, #{s: \"b\"}], \"s\", [\"b\", \"c\"])",
        "[{\"s\":\"b\"}]",
    ),
    function("count", "how many items have that value on the path", "count([#{s: 1}, #{s: 1}], \"s\", 1)", "2"),
    function("any", "whether some item has that value on the path", "any([#{s: 1}, #{s: 2}], \"s\", 2)", "true"),
    function("all", "whether every item has that value on the path", "all([#{s: 1}, #{s: 2}], \"s\", 2)", "false"),
    function(
        "reshaped",
        "every item with the named members, each from a path",
        "reshaped([#{a: #{b: 1}, c: 2}], #{id: \"a.b\"})",
        "[{\"id\":1}]",
    ),
    function(
        "grouped",
        "one item per value of a member, with the rest of its items as a list",
        "grouped([#{o: 1, l: 7}, #{o: 1, l: 8}], \"o\", \"lines\")",
        "[{\"lines\":[{\"l\":7},{\"l\":8}],\"o\":1}]",
    ),
    function(
        "joined",
        "every item with the item of another list whose key is equal, as a new member",
        "joined([#{id: 1}], \"id\", [#{of: \"1\", sku: \"A\"}], \"of\", \"line\")",
        "[{\"id\":1,\"line\":{\"of\":\"1\",\"sku\":\"A\"}}]",
    ),
    function(
        "allocated",
        "quantities handed out by key over what there is, as `allocated`; more than there is is refused; a last path names what of it is used already",
        "allocated([#{sku: \"A\", n: 3}], \"sku\", \"n\", [#{sku: \"A\", open: 2}, #{sku: \"A\", open: 2}], \"sku\", \"open\")",
        "[{\"allocated\":2,\"open\":2,\"sku\":\"A\"},{\"allocated\":1,\"open\":2,\"sku\":\"A\"}]",
    ),
];

/// The names alone, for suggestions.
pub(super) fn names() -> Vec<&'static str> {
    FUNCTIONS.iter().map(|function| function.name).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Expression, Scope};
    use super::*;

    /// The table of the documentation, a line a function.
    fn markdown() -> String {
        let mut text = String::from("| function | what it gives | example | result |\n|---|---|---|---|\n");
        for Function { name, does, example, result } in FUNCTIONS {
            text.push_str(&format!("| `{name}` | {does} | `{example}` | `{result}` |\n"));
        }
        text
    }

    #[test]
    fn every_example_gives_its_result() {
        for Function { name, example, result, .. } in FUNCTIONS {
            assert!(example.contains(&format!("{name}(")), "{name}: {example}");
            let found = Expression::compile(example).unwrap().eval(&Scope::new()).unwrap();
            assert_eq!(&found.to_string(), result, "{example}");
        }
    }

    #[test]
    fn the_documentation_has_exactly_these_functions() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/README.md");
        let documented = std::fs::read_to_string(path).unwrap();
        assert!(documented.contains(&markdown()), "mappings/README.md, section Functions, should read\n{}", markdown());
        let lines = documented.lines().skip_while(|line| !line.starts_with("| function |"));
        assert_eq!(lines.take_while(|line| line.starts_with('|')).count(), FUNCTIONS.len() + 2);
    }

    #[test]
    fn what_is_not_listed_does_not_compile() {
        let error = Expression::compile("record.name.replace(\"a\", \"b\")").unwrap_err();
        assert!(error.reason.contains("no function `replace`; did you mean `replaced`?"), "{error}");
        assert_eq!(error.column, Some(13));
        for source in ["[1].push(2)", "\"a\".trim()", "`${parse_int(\"1\")}`", "[3, 1].sort ()", "2.0.sqrt()"] {
            let error = Expression::compile(source).unwrap_err();
            assert!(error.reason.contains("there is no function"), "{error}");
        }
        for source in ["\"push(1)\"", "`trim(1) ${1 + (2)}`", "if (1 == 1) { 1 } else { 2 }", "1 in ([1])", "'('"] {
            Expression::compile(source).unwrap();
        }
    }
}
