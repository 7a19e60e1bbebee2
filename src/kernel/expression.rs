//! Expressions in rules, guards and conditions: CEL (the Common Expression Language, cel.dev) over typed variables.
//!
//! What may be written is bounded before it runs: length, depth, parts, one level of `exists`, `all` or `exists_one`, and
//! only functions whose work is bounded by the texts they are given. There is no clock, no chance and no regular
//! expression, so the same facts give the same answer at every replay.

mod check;
mod numbers;

pub use check::{Mistake, Type, Variables};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use cel::parser::Parser;
use cel::{Context, Env, IdedExpr, Value};
use serde_json::Map;

/// Longest expression, in bytes.
pub const BYTES_MAX: usize = 2_000;
/// Deepest nesting.
const DEPTH_MAX: u16 = 24;
/// Most members of a list that an expression goes through.
pub const LIST_MAX: usize = 500;

/// An expression that was read and found right.
#[derive(Debug)]
pub struct Expression(IdedExpr);

/// Reads an expression that says yes or no of the variables.
///
/// # Errors
/// The first mistake, with its position and the nearest known name.
pub fn parse(source: &str, variables: &Variables) -> Result<Expression, Mistake> {
    if source.len() > BYTES_MAX {
        return Err(Mistake::new(
            1,
            format!("it has {} bytes, {BYTES_MAX} are allowed", source.len()),
        ));
    }
    // It recurses while it reads; what is too deep for that is not given to it.
    if let Some(position) = too_deep(source) {
        return Err(Mistake::new(position, format!("it is nested deeper than {DEPTH_MAX}")));
    }
    let parser = Parser::new().max_recursion_depth(DEPTH_MAX * 4);
    // A library's panic on a strange text must not end the one task that everybody waits for.
    let read = catch_unwind(AssertUnwindSafe(|| parser.parse_with_source_info(source)));
    match read {
        Ok(Ok((expression, places))) => {
            check::check(&expression, &places, variables)?;
            Ok(Expression(numbers::as_doubles(expression)))
        }
        Ok(Err(wrong)) => Err(first(source, &wrong)),
        Err(_) => Err(Mistake::new(1, "it cannot be read")),
    }
}

fn too_deep(source: &str) -> Option<usize> {
    let (mut open, mut signs) = (0_u16, 0_u16);
    for (place, letter) in source.chars().enumerate() {
        match letter {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        // Signs in a row stand one inside the other too.
        match letter {
            '!' | '-' => signs += 1,
            letter if letter.is_whitespace() => {}
            _ => signs = 0,
        }
        if open + signs > DEPTH_MAX {
            return Some(place + 1);
        }
    }
    None
}

fn first(source: &str, wrong: &cel::ParseErrors) -> Mistake {
    let Some(error) = wrong.errors.first() else {
        return Mistake::new(1, "it cannot be read");
    };
    let line = usize::try_from(error.pos.0).unwrap_or(1).max(1);
    let before: usize = source.lines().take(line - 1).map(|line| line.chars().count() + 1).sum();
    let column = usize::try_from(error.pos.1).unwrap_or(1).max(1);
    Mistake::new(before + column, crate::kernel::text::clip(&error.msg, 160))
}

fn library() -> Arc<Env> {
    static LIBRARY: OnceLock<Arc<Env>> = OnceLock::new();
    Arc::clone(LIBRARY.get_or_init(|| Arc::new(Env::stdlib())))
}

impl Expression {
    /// Whether it holds for facts, one member for each variable.
    ///
    /// # Errors
    /// Why it says neither yes nor no: what it compares is not there, or of another type.
    pub fn holds(&self, facts: &Map<String, serde_json::Value>) -> Result<bool, String> {
        let run = || {
            let mut context = Context::with_env(library());
            for (name, value) in facts {
                let value = cel::to_value(numbers::in_fact(value)).map_err(|cause| cause.to_string())?;
                context.add_variable_from_value(name.as_str(), value);
            }
            Value::resolve(&self.0, &context).map_err(|cause| cause.to_string())
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(Value::Bool(holds))) => Ok(holds),
            Ok(Ok(other)) => Err(format!("it says {other:?}, not yes or no")),
            Ok(Err(why)) => Err(crate::kernel::text::clip(&why, 200)),
            Err(_) => Err("it cannot be told".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
