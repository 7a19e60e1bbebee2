//! All numbers are doubles: CEL adds and multiplies only numbers of one type, and nobody who writes a rule should have to know
//! which of them a fact is.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use serde_json::Value;

/// The expression with whole numbers as doubles, but for places in lists.
pub(super) fn as_doubles(mut part: IdedExpr) -> IdedExpr {
    walk(&mut part);
    part
}

fn walk(part: &mut IdedExpr) {
    match &mut part.expr {
        Expr::Literal(literal) => double(literal),
        Expr::Select(select) => walk(&mut select.operand),
        Expr::Call(call) => arguments(call),
        Expr::List(list) => list.elements.iter_mut().for_each(walk),
        Expr::Comprehension(inner) => {
            walk(&mut inner.iter_range);
            // The count of exists_one stays whole: it is compared with another whole number, and added to one.
            if !matches!(inner.accu_init.expr, Expr::Literal(LiteralValue::Int(_))) {
                walk(&mut inner.loop_step);
            }
        }
        _ => {}
    }
}

fn arguments(call: &mut CallExpr) {
    if let Some(target) = &mut call.target {
        walk(target);
    }
    let places = if call.func_name == operators::INDEX {
        1
    } else {
        usize::MAX
    };
    call.args.iter_mut().take(places).for_each(walk);
}

fn double(literal: &mut LiteralValue) {
    let text = match literal {
        LiteralValue::Int(number) => number.inner().to_string(),
        LiteralValue::UInt(number) => number.inner().to_string(),
        _ => return,
    };
    if let Ok(number) = text.parse::<f64>() {
        *literal = LiteralValue::Double(number.into());
    }
}

/// A fact with its numbers as doubles.
pub(super) fn in_fact(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.iter().map(in_fact).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| (name.clone(), in_fact(member)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}
