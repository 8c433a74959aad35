//! A compiled expression: a pure function from a scope to a JSON value.
//!
//! Not here: the interpreter's set-up (see `engine`), plain paths, which never come here (see `path`).

use std::sync::Arc;

use rhai::{AST, Dynamic, EvalAltResult, Map};
use serde_json::Value as Json;

use super::Scope;
use super::calls::{Rewritten, calls, original, rewrite};
use super::engine::{ENGINE, STRICT, to_dynamic, to_json};
use super::functions;

/// Longest expression, in bytes.
const MAX_SOURCE_BYTES: usize = 4096;

/// Compiled once, evaluated for every record. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Expression {
    source: Arc<str>,
    program: Arc<AST>,
    words: Arc<[Word]>,
    /// Where `?.` was rewritten, so that columns lead back to the source.
    places: Arc<[(usize, usize)]>,
}

/// An expression that cannot be compiled or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expression `{}`: {reason}{}", shortened(expression), column.map(|column| format!(" (column {column})")).unwrap_or_default())]
pub struct ExpressionError {
    pub expression: String,
    pub reason: String,
    /// In characters, from 1, where known.
    pub column: Option<usize>,
}

/// What messages show of a source: a long one would hide the reason.
pub(super) fn shortened(source: &str) -> std::borrow::Cow<'_, str> {
    const MOST: usize = 120;
    match source.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &source[..end]).into(),
        None => source.into(),
    }
}

/// A name that occurs in the source, and the names that follow it after a dot; `None` if it also stands alone.
/// Found by reading words, not syntax: it may name too much (words inside text), never too little.
#[derive(Debug, Clone)]
struct Word {
    name: String,
    members: Option<Vec<String>>,
    /// Members that are only ever read as `name?.member`: null when missing.
    optional: Vec<String>,
}

impl Expression {
    /// Compiles for a scope that will hold `names`; any other name is refused here instead of failing on every record.
    pub fn compile_for(source: &str, names: &[&str]) -> Result<Expression, ExpressionError> {
        let expression = Expression::compile(source)?;
        let mut scope = rhai::Scope::new();
        for name in names {
            scope.push_dynamic(*name, Dynamic::UNIT);
        }
        let rewritten = rewritten(source, &expression.words);
        match STRICT.compile_expression_with_scope(&scope, &rewritten.text) {
            Ok(_) => Ok(expression),
            Err(error) => Err(ExpressionError {
                expression: source.to_owned(),
                reason: format!("{}; known here: {}", error.err_type(), names.join(", ")),
                column: error.position().position().map(|column| rewritten.column(column)),
            }),
        }
    }

    pub fn compile(source: &str) -> Result<Expression, ExpressionError> {
        let fail = |reason: String, column| ExpressionError { expression: source.to_owned(), reason, column };
        if source.len() > MAX_SOURCE_BYTES {
            return Err(fail(format!("it is longer than {MAX_SOURCE_BYTES} bytes"), None));
        }
        if source.trim().is_empty() {
            return Err(fail("it is empty".to_owned(), None));
        }
        let words = words(source);
        let rewritten = rewritten(source, &words);
        let program = ENGINE.compile_expression(&rewritten.text).map_err(|error| {
            fail(error.err_type().to_string(), error.position().position().map(|column| rewritten.column(column)))
        })?;
        let known = functions::names();
        if let Some((name, column)) = calls(source).into_iter().find(|(name, _)| !known.contains(name)) {
            return Err(fail(format!("there is no function `{name}`; {}", nearest(name, &known)), Some(column)));
        }
        let places = rewritten.places().into();
        Ok(Expression { source: source.into(), program: Arc::new(program), words: words.into(), places })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// The members that the source may read of `name`: `Some([])` if the name does not occur, `None` if it is used whole.
    pub fn members_of(&self, name: &str) -> Option<&[String]> {
        match self.words.iter().find(|word| word.name == name) {
            Some(word) => word.members.as_deref(),
            None => Some(&[]),
        }
    }

    pub fn eval(&self, scope: &Scope<'_>) -> Result<Json, ExpressionError> {
        let value = self.run(scope)?;
        to_json(&value).map_err(|reason| self.fail(reason, None))
    }

    /// For conditions: anything but true or false is an error.
    pub fn eval_bool(&self, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
        let value = self.run(scope)?;
        value.as_bool().map_err(|found| self.fail(format!("a condition is true or false, not {found}"), None))
    }

    fn run(&self, scope: &Scope<'_>) -> Result<Dynamic, ExpressionError> {
        let mut variables = rhai::Scope::new();
        for (name, value) in scope.iter() {
            if let Some(word) = self.words.iter().find(|word| word.name == name) {
                let value = narrowed(value, word);
                let value = value.map_err(|reason| self.fail(format!("{name}.{reason}"), None))?;
                variables.push_constant_dynamic(name, value);
            }
        }
        ENGINE
            .eval_ast_with_scope::<Dynamic>(&mut variables, &self.program)
            .map_err(|error| self.explain(&error, scope))
    }

    fn explain(&self, error: &EvalAltResult, scope: &Scope<'_>) -> ExpressionError {
        let reason = match error {
            EvalAltResult::ErrorVariableNotFound(name, _) => {
                format!("there is no {name:?}; known here: {}", scope.known())
            }
            EvalAltResult::ErrorPropertyNotFound(name, _) => format!("there is no property {name:?}"),
            error => unplaced(error),
        };
        self.fail(reason, error.position().position().map(|column| original(&self.places, column)))
    }

    fn fail(&self, reason: String, column: Option<usize>) -> ExpressionError {
        ExpressionError { expression: self.source.to_string(), reason, column }
    }
}

/// Names that are always `?.` behind a variable are put there as null when they are missing, which costs less than asking.
fn rewritten<'s>(source: &'s str, words: &[Word]) -> Rewritten<'s> {
    let is_put = |variable: &str, member: &str| {
        words.iter().any(|word| word.name == variable && word.optional.iter().any(|optional| optional == member))
    };
    rewrite(source, is_put)
}

fn nearest(name: &str, known: &[&str]) -> String {
    match crate::config::yaml::closest(name, known) {
        Some(near) => format!("did you mean `{near}`? mappings/README.md lists all"),
        None => "mappings/README.md lists all".to_owned(),
    }
}

/// The interpreter's words without its position, which the error carries by itself.
fn unplaced(error: &EvalAltResult) -> String {
    let text = error.to_string();
    match text.rfind(" (line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Converts only what the expression can reach.
fn narrowed(value: &Json, word: &Word) -> Result<Dynamic, String> {
    let Json::Object(object) = value else { return to_dynamic(value) };
    let mut map = Map::new();
    match &word.members {
        Some(members) => {
            for name in members {
                if let Some(value) = object.get(name) {
                    map.insert(name.as_str().into(), member(name, value)?);
                }
            }
        }
        None => {
            for (name, value) in object {
                map.insert(name.as_str().into(), member(name, value)?);
            }
        }
    }
    for name in &word.optional {
        map.entry(name.as_str().into()).or_insert(Dynamic::UNIT);
    }
    Ok(Dynamic::from(map))
}

fn member(name: &str, value: &Json) -> Result<Dynamic, String> {
    to_dynamic(value).map_err(|reason| format!("{name}: {reason}"))
}

fn words(source: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut strict: Vec<(String, String)> = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find(|character: char| character.is_ascii_alphabetic() || character == '_') {
        let (name, after) = split_word(&rest[start..]);
        rest = after;
        let known = words.iter().position(|word| word.name == name).unwrap_or_else(|| {
            words.push(Word { name: name.to_owned(), members: Some(Vec::new()), optional: Vec::new() });
            words.len() - 1
        });
        let word = &mut words[known];
        let Some((member, optional)) = member_after(after) else {
            word.members = None;
            continue;
        };
        if let Some(members) = &mut word.members {
            push_new(members, member);
        }
        if optional {
            push_new(&mut word.optional, member);
        } else {
            strict.push((name.to_owned(), member.to_owned()));
        }
    }
    for word in &mut words {
        word.optional.retain(|member| !strict.iter().any(|(name, strict)| *name == word.name && strict == member));
    }
    words
}

fn push_new(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_')).unwrap_or(text.len()),
    )
}

/// The name after `.` or `?.` (which is said beside it), unless it is a call.
fn member_after(text: &str) -> Option<(&str, bool)> {
    let (rest, optional) = match text.strip_prefix("?.") {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('.')?, false),
    };
    let (name, after) = split_word(rest);
    let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && !after.starts_with('(');
    is_name.then_some((name, optional))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record() -> Json {
        serde_json::from_str(
            r#"{"status":"paid","total":47.90,"n":7,"items":[{"sku":"a"},{"sku":"b"}],"none":null,"tags":"x,y",
                "big":12345678901234567890123,"huge":1e400,"customer":{"email":"a@b.c"}}"#,
        )
        .unwrap()
    }

    #[track_caller]
    fn check(source: &str, expected: Result<&str, &str>) {
        let record = record();
        let scope = Scope::new().with("record", &record);
        let found = Expression::compile(source).and_then(|expression| expression.eval(&scope));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.to_string(), expected, "{source}"),
            (Err(found), Err(expected)) => assert!(found.to_string().contains(expected), "{source}: {found}"),
            (found, expected) => panic!("{source}: {found:?} against {expected:?}"),
        }
    }

    #[test]
    fn computes_exactly_or_not_at_all() {
        check("record.status in [\"paid\", \"authorised\"]", Ok("true"));
        check("record.total > 47", Ok("true"));
        check("record.total + 0.10 == 48", Ok("true"));
        check("0.1 + 0.2 == 0.3", Ok("true"));
        check("record.total * 2", Ok("95.8"));
        check("record.n / 2", Ok("3.5"));
        check("8 / 2", Ok("4"));
        check("1 / 3", Err("does not come out even"));
        check("1 / 0", Err("cannot be computed"));
        check("divide_half_up(1, 3, 2)", Ok("0.33"));
        check("round_half_up(record.total / 4, 2)", Ok("11.98"));
        check("digits_of(\"WEB-1001\", 16)", Ok("\"8224929906025057\""));
        check("digits_of(\"WEB-1001\", 3).len()", Ok("3"));
        check("digits_of(\"WEB-1001\", 0)", Err("not between 1 and 18"));
        check("record.big + 1", Ok("12345678901234567890124"));
        check("9223372036854775807 + 1", Err("overflow"));
        check("if record.n > 5 { \"many\" } else { \"few\" }", Ok("\"many\""));
        check("record.items[1].sku.to_upper()", Ok("\"B\""));
        check("record.items.len()", Ok("2"));
        check("record.customer?.email", Ok("\"a@b.c\""));
        check("record.none ?? 5", Ok("5"));
        check("record.none?.deeper", Ok("null"));
        check("record?.nothing ?? 1", Ok("1"));
        check("record?.nothing == () && record?.status == \"paid\"", Ok("true"));
        check("record?.nothing?.get(\"deeper\")", Ok("null"));
        check("type_of(record.customer) == \"map\"", Ok("true"));
        check("record.customer.get(\"name\") ?? \"-\"", Ok("\"-\""));
        check("record?.nothing == () || record.nothing == 1", Ok("true"));
        check("record?.nothing == 1 || record.nothing == 1", Err("there is no property \"nothing\""));
        check("record?.customer?.email", Ok("\"a@b.c\""));
        check("record?.customer?.name", Ok("null"));
        check("record.customer?.name?.first ?? \"-\"", Ok("\"-\""));
        check("record.customer.name", Err("there is no property \"name\""));
        check("#{a: record.n}", Ok("{\"a\":7}"));
        check("decimal(\"47.90\") == record.total", Ok("true"));
    }

    #[test]
    fn what_is_missing_is_an_error() {
        check("record.stauts == 1", Err("there is no property \"stauts\""));
        check("recrod.status", Err("there is no \"recrod\"; known here: record"));
        check("record.items[7]", Err("record.items[7]"));
        check("record.huge", Err("huge: 1e+400: numbers with an exponent are refused"));
    }

    #[test]
    fn names_can_be_checked_before_anything_runs() {
        let compile = |source| Expression::compile_for(source, &["record", "item"]);
        assert!(compile("record.a + item.b.c > 1 && \"x\" in record.tags").is_ok());
        assert!(compile("type_of(record) == \"map\" || record?.a.get(\"b\") == ()").is_ok());
        let error = compile("record.a + itme.b").unwrap_err();
        assert!(error.reason.contains("itme") && error.reason.contains("known here: record, item"), "{error}");
        assert_eq!(error.column, Some(12));
    }

    #[test]
    fn lists_are_computed_exactly() {
        check("sum(record.items, \"n\")", Err("item 0 has no \"n\"; with \"n?\" it counts as null"));
        check("sum(record.items, \"n?\")", Ok("0"));
        check("sum([0.1, 0.2, \"0.3\", ()])", Ok("0.6"));
        check("sum([\"x\"])", Err("\"x\": it is not a number"));
        check("sum([9223372036854775807, 1])", Ok("9223372036854775808"));
        check("sum([true])", Err("a number is needed, not bool"));
        check("pluck(record.items, \"sku\")", Ok("[\"a\",\"b\"]"));
        check("find(record.items, \"sku\", \"c\") == ()", Ok("true"));
        check("find(record.items, \"stauts\", \"c\")", Err("an item has no \"stauts\""));
        check("count(record.items, \"sku\", [\"a\", \"b\"])", Ok("2"));
        check("all([], \"x\", 1) && !any([], \"x\", 1)", Ok("true"));
        check("where([#{n: 1.0}, #{n: \"1\"}], \"n\", 1)", Ok("[{\"n\":1}]"));
        check("joined([#{a: 1}], \"a\", [#{b: 1}, #{b: \"1\"}], \"b\", \"x\")", Err("two items have the b \"1\""));
        check("joined([#{a: ()}], \"a\", [#{b: ()}], \"b\", \"x\")", Ok("[{\"a\":null,\"x\":null}]"));
        check(
            "allocated([#{k: 1, n: 3}], \"k\", \"n\", [#{k: 1, o: 2}], \"k\", \"o\")",
            Err("1 more of k \"1\" than there is"),
        );
        check("allocated([#{k: (), n: 1}], \"k\", \"n\", [#{k: (), o: 2}], \"k\", \"o\")", Err("1 more of k"));
        check("allocated([#{k: 1, n: -1}], \"k\", \"n\", [], \"k\", \"o\")", Err("n is -1, less than nothing"));
        check(
            "allocated([#{k: 1, n: \"1.5\"}, #{k: 1, n: 0.5}], \"k\", \"n\", [#{k: 1, o: 9}], \"k\", \"o\")",
            Ok("[{\"allocated\":2,\"k\":1,\"o\":9}]"),
        );
        check(
            "allocated([#{k: 1, n: 2}], \"k\", \"n\", [#{k: 1, o: 3, u: 2}, #{k: 1, o: 1, u: 5}, #{k: 1, o: 4, u: ()}], \"k\", \"o\", \"u\").len()",
            Ok("2"),
        );
        check("replaced(\"aaa\", \"\", \"b\")", Err("nothing cannot be replaced"));
        check("pad_left(\"12345\", 3, \"0\")", Ok("\"12345\""));
        check("pad_left(\"1\", 1000000000, \"0\")", Err("is no length"));
        check("pad_left(\"1\", 3, \"\")", Err("not one character"));
        check("replaced(pad_left(\"\", 16384, \"a\"), \"a\", pad_left(\"\", 16384, \"b\"))", Err("longer than"));
    }

    #[test]
    fn hostile_programs_end_in_an_error() {
        check("while true {}", Err(""));
        check("loop {}", Err(""));
        check("let x = 1; x", Err(""));
        check("eval(\"1\")", Err(""));
        check("sleep(1)", Err("sleep"));
        check("exit()", Err("exit"));
        check("print(1)", Err(""));
        check("|x| x", Err(""));
        check("timestamp()", Err("timestamp"));
        check("import \"x\"", Err(""));
        check(&format!("{}1{}", "(".repeat(200), ")".repeat(200)), Err(""));
        check(&"1+".repeat(5000), Err("longer than"));
        check("\"a\".pad(1000000000, \"b\")", Err(""));
        check("[].pad(1000000000, 1)", Err(""));
        check("", Err("empty"));
        check("1.5e3", Err(""));
        check("'", Err(""));
    }

    #[test]
    fn conditions_are_true_or_false() {
        let record = record();
        let scope = Scope::new().with("record", &record);
        let error = Expression::compile("record.n").unwrap().eval_bool(&scope).unwrap_err();
        assert!(error.reason.contains("a condition is true or false"), "{error}");
    }

    #[test]
    fn the_names_it_reads_are_known() {
        let expression = Expression::compile("record.a + record.b.c > settings.x && key == 1").unwrap();
        assert_eq!(expression.members_of("record"), Some(&["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(expression.members_of("key"), None);
        assert_eq!(expression.members_of("refs"), Some(&[][..]));
    }
}
