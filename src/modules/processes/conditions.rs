//! Conditions of ways out: CEL over the variables, the subject and what was decided so far.

use serde_json::{Map, Value};

use super::entity::{Definition, Variable};
use crate::kernel::expression::{self, Mistake, Type, Variables};

/// The types that a variable may have.
pub const TYPES: [&str; 3] = ["text", "number", "flag"];

/// What a condition can name.
pub fn variables(declared: &std::collections::BTreeMap<String, Variable>) -> Variables {
    let vars = declared.iter().fold(Variables::default(), |known, (name, variable)| {
        let of = match variable.r#type.as_str() {
            "number" => Type::Number,
            "flag" => Type::Flag,
            _ => Type::Text,
        };
        known.with(name, of)
    });
    Variables::default()
        .with("vars", Type::Thing(vars))
        .with("subject", Type::Any)
        .with("initiator", Type::Text)
        .with("approved", Type::Flag)
}

/// Reads a condition.
///
/// # Errors
/// Its first mistake.
pub fn read(
    declared: &std::collections::BTreeMap<String, Variable>,
    when: &str,
) -> Result<expression::Expression, Mistake> {
    expression::parse(when, &variables(declared))
}

/// Whether a condition holds. What compares with something that is not there does not hold.
///
/// # Errors
/// Where it cannot be read any more.
pub fn holds(definition: &Definition, when: &str, facts: &Map<String, Value>) -> Result<bool, String> {
    let read = read(&definition.variables, when).map_err(|wrong| format!("a condition is wrong: {wrong}"))?;
    Ok(read.holds(facts).unwrap_or(false))
}
