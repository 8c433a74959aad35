//! The interpreter behind expressions: Rhai, cut down to pure, bounded, exact arithmetic.
//!
//! Not here: anything that names Rhai outside this file and `expression`; the rest of the hub sees `Expression`.

use std::sync::LazyLock;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicMapPackage, BasicMathPackage, BasicStringPackage, LogicPackage,
    MoreStringPackage, Package,
};
use rhai::{Array, Dynamic, Engine, EvalAltResult, INT, Map};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value as Json};
use sha2::{Digest as _, Sha256};

use super::lists;
use crate::model::Exact;

const MAX_OPERATIONS: u64 = 20_000;
const MAX_EXPRESSION_DEPTH: usize = 64;
const MAX_CALL_LEVELS: usize = 8;
const MAX_TEXT_BYTES: usize = 64 * 1024;
pub(super) const MAX_ITEMS: usize = 10_000;

pub(super) static ENGINE: LazyLock<Engine> = LazyLock::new(build);

/// The same language for compiling only, refusing names that are not in scope.
pub(super) static STRICT: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = build();
    engine.set_strict_variables(true);
    engine
});

/// Without the language core (which can sleep and exit), iterators, time and modules; with exact arithmetic of our own.
fn build() -> Engine {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);

    engine.set_fail_on_invalid_map_property(true);
    engine.set_strict_variables(false);
    engine.set_allow_looping(false);
    engine.set_allow_anonymous_fn(false);
    engine.set_allow_statement_expression(false);
    engine.set_fast_operators(false);
    engine.set_max_operations(MAX_OPERATIONS);
    engine.set_max_expr_depths(MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_DEPTH);
    engine.set_max_call_levels(MAX_CALL_LEVELS);
    engine.set_max_string_size(MAX_TEXT_BYTES);
    engine.set_max_array_size(MAX_ITEMS);
    engine.set_max_map_size(MAX_ITEMS);
    for symbol in ["eval", "Fn", "call", "curry", "print", "debug", "import", "is_def_var", "is_def_fn", "this"] {
        engine.disable_symbol(symbol);
    }
    register_exact_arithmetic(&mut engine);
    register_texts(&mut engine);
    lists::register(&mut engine);
    engine
}

pub(super) type Computed<T> = Result<T, Box<EvalAltResult>>;

/// Sums, products and quotients that would lose digits are errors, also where the stock operators round or truncate.
fn register_exact_arithmetic(engine: &mut Engine) {
    macro_rules! operator {
        ($name:literal, $function:ident) => {
            engine.register_fn($name, |a: Decimal, b: Decimal| $function(a, b));
            engine.register_fn($name, |a: Decimal, b: INT| $function(a, Decimal::from(b)));
            engine.register_fn($name, |a: INT, b: Decimal| $function(Decimal::from(a), b));
        };
    }
    operator!("+", add);
    operator!("-", subtract);
    operator!("*", multiply);
    operator!("/", divide);
    engine.register_fn("/", |a: INT, b: INT| divide(Decimal::from(a), Decimal::from(b)));
    engine.register_fn("round_half_up", |value: Decimal, decimals: INT| round(value, decimals));
    engine.register_fn("round_half_up", |value: INT, decimals: INT| round(Decimal::from(value), decimals));
    engine.register_fn("divide_half_up", divide_rounded::<Decimal, Decimal>);
    engine.register_fn("divide_half_up", divide_rounded::<Decimal, INT>);
    engine.register_fn("divide_half_up", divide_rounded::<INT, Decimal>);
    engine.register_fn("divide_half_up", divide_rounded::<INT, INT>);
    engine.register_fn("decimal", |text: &str| {
        Exact::parse(text).and_then(Exact::to_decimal).map_err(|reason| refuse(format!("{text:?}: {reason}")))
    });
    engine.register_fn("integer", |text: &str| {
        Exact::parse(text).and_then(Exact::to_i64).map_err(|reason| refuse(format!("{text:?}: {reason}")))
    });
}

/// That many digits which are always the same for a text, and for another text others: a document number for partners
/// whose numbers are not ours. Two of a million texts share sixteen digits with a chance of 1 in 20 000.
fn digits_of(text: &str, digits: INT) -> Computed<String> {
    match usize::try_from(digits) {
        Ok(width @ 1..=18) => {
            let digest: [u8; 32] = Sha256::digest(text).into();
            let number = digest.iter().take(16).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
            Ok(format!("{:0width$}", number % 10_u128.pow(u32::try_from(width).unwrap_or(18))))
        }
        Ok(_) | Err(_) => Err(refuse(format!("{digits} digits are not between 1 and 18"))),
    }
}

/// Texts made of texts: the interpreter's own functions change their text in place, which nothing here can be.
fn register_texts(engine: &mut Engine) {
    engine.register_fn("trimmed", |text: &str| text.trim().to_owned());
    engine.register_fn("replaced", replaced);
    engine.register_fn("pad_left", pad_left);
    engine.register_fn("digits_of", digits_of);
    engine.register_fn("strip_prefix", |text: &str, prefix: &str| text.strip_prefix(prefix).unwrap_or(text).to_owned());
    engine.register_fn("strip_suffix", |text: &str, suffix: &str| text.strip_suffix(suffix).unwrap_or(text).to_owned());
}

fn replaced(text: &str, from: &str, to: &str) -> Computed<String> {
    if from.is_empty() {
        return Err(refuse("nothing cannot be replaced: say which text".to_owned()));
    }
    let found = text.matches(from).count();
    if text.len() + found.saturating_mul(to.len()) > MAX_TEXT_BYTES {
        return Err(refuse(format!("the text would be longer than {MAX_TEXT_BYTES} bytes")));
    }
    Ok(text.replace(from, to))
}

fn pad_left(text: &str, length: INT, fill: &str) -> Computed<String> {
    let mut characters = fill.chars();
    let (Some(fill), None) = (characters.next(), characters.next()) else {
        return Err(refuse(format!("{fill:?} is not one character to fill up with")));
    };
    let wanted = usize::try_from(length).ok().filter(|wanted| *wanted <= MAX_TEXT_BYTES / 4);
    let wanted = wanted.ok_or_else(|| refuse(format!("{length} is no length of a text")))?;
    let missing = wanted.saturating_sub(text.chars().count());
    Ok(std::iter::repeat_n(fill, missing).chain(text.chars()).collect())
}

pub(super) fn refuse(reason: String) -> Box<EvalAltResult> {
    reason.into()
}

pub(super) fn add(a: Decimal, b: Decimal) -> Computed<Decimal> {
    let exact = a.checked_add(b).filter(|sum| sum.checked_sub(a) == Some(b) && sum.checked_sub(b) == Some(a));
    exact.ok_or_else(|| refuse(format!("{a} + {b} has too many digits")))
}

fn subtract(a: Decimal, b: Decimal) -> Computed<Decimal> {
    add(a, -b)
}

fn multiply(a: Decimal, b: Decimal) -> Computed<Decimal> {
    let (a, b) = (a.normalize(), b.normalize());
    let product = a.mantissa().checked_mul(b.mantissa());
    let exact = product.and_then(|product| Decimal::try_from_i128_with_scale(product, a.scale() + b.scale()).ok());
    exact.ok_or_else(|| refuse(format!("{a} * {b} has too many digits")))
}

/// 7 / 2 is 3.5, and 1 / 3 is an error: rounding is asked for by name.
fn divide(a: Decimal, b: Decimal) -> Computed<Dynamic> {
    let quotient = a.checked_div(b).ok_or_else(|| refuse(format!("{a} / {b} cannot be computed")))?;
    match multiply(quotient, b) {
        Ok(product) if product == a => Ok(narrowed(quotient)),
        Ok(_) | Err(_) => {
            Err(refuse(format!("{a} / {b} does not come out even; use divide_half_up({a}, {b}, decimals)")))
        }
    }
}

pub(super) fn narrowed(value: Decimal) -> Dynamic {
    let value = value.normalize();
    match INT::try_from(value.mantissa()) {
        Ok(whole) if value.scale() == 0 => Dynamic::from(whole),
        Ok(_) | Err(_) => Dynamic::from(value),
    }
}

fn decimals(decimals: INT) -> Computed<u32> {
    match u32::try_from(decimals) {
        Ok(decimals) if decimals <= 18 => Ok(decimals),
        Ok(_) | Err(_) => Err(refuse(format!("{decimals} decimals are not between 0 and 18"))),
    }
}

fn round(value: Decimal, places: INT) -> Computed<Decimal> {
    Ok(value.round_dp_with_strategy(decimals(places)?, RoundingStrategy::MidpointAwayFromZero))
}

fn divide_rounded<A: Into<Decimal>, B: Into<Decimal>>(a: A, b: B, places: INT) -> Computed<Decimal> {
    let (a, b): (Decimal, Decimal) = (a.into(), b.into());
    let quotient = a.checked_div(b).ok_or_else(|| refuse(format!("{a} / {b} cannot be computed")))?;
    round(quotient, places)
}

/// Numbers come from their literal text: a whole number if it fits 64 bits, an exact decimal otherwise.
pub(super) fn to_dynamic(json: &Json) -> Result<Dynamic, String> {
    Ok(match json {
        Json::Null => Dynamic::UNIT,
        Json::Bool(value) => Dynamic::from(*value),
        Json::String(text) => Dynamic::from(text.clone()),
        Json::Number(number) => {
            let text = number.as_str();
            let exact = Exact::parse(text).map_err(|reason| format!("{text}: {reason}"))?;
            match exact.to_i64() {
                Ok(whole) if !text.contains('.') => Dynamic::from(whole),
                Ok(_) | Err(_) => Dynamic::from(exact.to_decimal().map_err(|reason| format!("{text}: {reason}"))?),
            }
        }
        Json::Array(items) => Dynamic::from(items.iter().map(to_dynamic).collect::<Result<Array, _>>()?),
        Json::Object(object) => {
            let entries = object.iter().map(|(key, value)| {
                to_dynamic(value).map(|value| (key.as_str().into(), value)).map_err(|reason| format!("{key}: {reason}"))
            });
            Dynamic::from(entries.collect::<Result<Map, String>>()?)
        }
    })
}

pub(super) fn to_json(value: &Dynamic) -> Result<Json, String> {
    if value.is_unit() {
        return Ok(Json::Null);
    }
    if let Ok(value) = value.as_bool() {
        return Ok(Json::Bool(value));
    }
    if let Ok(value) = value.as_int() {
        return Ok(Json::from(value));
    }
    if let Ok(value) = value.as_decimal() {
        return Ok(Json::Number(Number::from_string_unchecked(value.normalize().to_string())));
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Json::String(text.to_string()));
    }
    if let Ok(character) = value.as_char() {
        return Ok(Json::String(character.to_string()));
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(to_json).collect::<Result<Vec<_>, _>>().map(Json::Array);
    }
    if let Ok(map) = value.as_map_ref() {
        let entries = map.iter().map(|(key, value)| to_json(value).map(|value| (key.to_string(), value)));
        return entries.collect::<Result<serde_json::Map<_, _>, _>>().map(Json::Object);
    }
    Err(format!("the result is of type {}, which is not a JSON value", value.type_name()))
}
