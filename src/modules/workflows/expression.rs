//! The language of the guard `expression`: comparisons over one task, without side effects.
//!
//! `estimate <= 8 and (labels has "safe" or not type = "bug")`. Grammar: `or` binds weakest, then `and`, then `not`;
//! a comparison is a field, an operator and a literal (`"text"`, a number, `null`); dates are texts `"2026-03-31"`.

use rust_decimal::Decimal;

use super::moves::who;
use crate::kernel::{View, text};
use crate::modules::tasks::Task;

/// Deepest nesting.
const DEPTH_MAX: usize = 20;
/// Fields that are texts or dates.
const TEXTS: [&str; 7] = [
    "title",
    "description",
    "type",
    "priority",
    "resolution",
    "startDate",
    "dueDate",
];
/// Fields that are numbers.
const NUMBERS: [&str; 3] = ["estimate", "remaining", "openItems"];
/// Fields that are lists.
const LISTS: [&str; 2] = ["labels", "assignees"];

/// What is wrong with an expression, and at which character, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why} at character {position}")]
pub struct Mistake {
    /// Where.
    pub position: usize,
    /// Why.
    pub why: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Name(String),
    Text(String),
    Number(Decimal),
    Sign(&'static str),
    End,
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// All of them.
    All(Vec<Expression>),
    /// Any of them.
    Any(Vec<Expression>),
    /// Not it.
    Not(Box<Expression>),
    /// A field compared with a literal.
    Compare(String, &'static str, Literal),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A text or date.
    Text(String),
    /// A number.
    Number(Decimal),
    /// Nothing.
    Null,
}

/// Reads an expression.
///
/// # Errors
/// The first mistake, with its position.
pub fn parse(source: &str) -> Result<Expression, Mistake> {
    let mut parser = Parser {
        words: words(source)?,
        at: 0,
    };
    let read = parser.any(0)?;
    match parser.peek() {
        (_, Word::End) => Ok(read),
        (position, word) => Err(mistake(*position, format!("`{}` is too much", shown(word)))),
    }
}

fn mistake(position: usize, why: impl Into<String>) -> Mistake {
    Mistake {
        position,
        why: why.into(),
    }
}

fn shown(word: &Word) -> String {
    match word {
        Word::Name(text) | Word::Text(text) => text.clone(),
        Word::Number(number) => number.to_string(),
        Word::Sign(sign) => (*sign).to_owned(),
        Word::End => "the end".to_owned(),
    }
}

fn words(source: &str) -> Result<Vec<(usize, Word)>, Mistake> {
    let letters: Vec<char> = source.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(letter) = letters.get(at).copied() {
        let (start, rest) = (at, letters.get(at..).unwrap_or_default());
        let run = |test: fn(char) -> bool| rest.iter().copied().take_while(|c| test(*c)).collect::<String>();
        let word = if letter.is_whitespace() {
            at += 1;
            continue;
        } else if letter.is_ascii_alphabetic() {
            let name = run(|c| c.is_ascii_alphanumeric() || c == '_');
            at += name.len();
            Word::Name(name)
        } else if letter.is_ascii_digit() {
            let number = run(|c| c.is_ascii_digit() || c == '.');
            at += number.len();
            Word::Number(
                number
                    .parse()
                    .map_err(|_| mistake(start + 1, format!("`{number}` is not a number")))?,
            )
        } else if letter == '"' || letter == '\'' {
            let text: String = rest.iter().skip(1).take_while(|c| **c != letter).collect();
            at += text.chars().count() + 2;
            if at > letters.len() {
                return Err(mistake(start + 1, "a text that does not end begins"));
            }
            Word::Text(text)
        } else {
            let known = ["!=", "<=", ">=", "=", "<", ">", "(", ")"];
            let begins = |sign: &&&str| rest.iter().copied().take(sign.len()).eq(sign.chars());
            let sign = known.iter().find(begins);
            let sign = sign.ok_or_else(|| mistake(start + 1, format!("`{letter}` means nothing here")))?;
            at += sign.len();
            Word::Sign(sign)
        };
        found.push((start + 1, word));
    }
    found.push((letters.len() + 1, Word::End));
    Ok(found)
}

struct Parser {
    words: Vec<(usize, Word)>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &(usize, Word) {
        static END: (usize, Word) = (1, Word::End);
        self.words.get(self.at).or(self.words.last()).unwrap_or(&END)
    }

    fn next(&mut self) -> (usize, Word) {
        let word = self.peek().clone();
        self.at += 1;
        word
    }

    fn takes(&mut self, name: &str) -> bool {
        let found = matches!(&self.peek().1, Word::Name(word) if word == name);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Expression, Mistake> {
        let mut parts = vec![self.all(depth)?];
        while self.takes("or") {
            parts.push(self.all(depth)?);
        }
        Ok(single(parts, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, Mistake> {
        let mut parts = vec![self.one(depth)?];
        while self.takes("and") {
            parts.push(self.one(depth)?);
        }
        Ok(single(parts, Expression::All))
    }

    fn one(&mut self, depth: usize) -> Result<Expression, Mistake> {
        if depth > DEPTH_MAX {
            return Err(mistake(self.peek().0, "it is nested too deeply"));
        }
        if self.takes("not") {
            return Ok(Expression::Not(Box::new(self.one(depth + 1)?)));
        }
        match self.next() {
            (_, Word::Sign("(")) => {
                let inner = self.any(depth + 1)?;
                match self.next() {
                    (_, Word::Sign(")")) => Ok(inner),
                    (position, word) => Err(mistake(position, format!("`)` is missing before `{}`", shown(&word)))),
                }
            }
            (position, Word::Name(field)) => self.compare(position, field),
            (position, word) => Err(mistake(position, format!("a field is needed, not `{}`", shown(&word)))),
        }
    }

    fn compare(&mut self, position: usize, field: String) -> Result<Expression, Mistake> {
        let kinds = [&TEXTS[..], &NUMBERS[..], &LISTS[..]];
        let Some(kind) = kinds.iter().position(|names| names.contains(&field.as_str())) else {
            let all = kinds.concat().join(", ");
            return Err(mistake(position, format!("there is no field `{field}`, only {all},")));
        };
        let sign = match self.next() {
            (_, Word::Sign(sign)) if !matches!(sign, "(" | ")") && (kind < 2 || matches!(sign, "=" | "!=")) => sign,
            (_, Word::Name(name)) if name == "has" && kind == 2 => "has",
            (at, word) => return Err(mistake(at, format!("`{}` does not compare `{field}`", shown(&word)))),
        };
        let literal = match self.next() {
            (_, Word::Name(name)) if name == "null" && sign != "has" => Literal::Null,
            (_, Word::Text(text)) if kind == 0 || sign == "has" => Literal::Text(text),
            (_, Word::Number(number)) if kind == 1 => Literal::Number(number),
            (at, word) => {
                return Err(mistake(
                    at,
                    format!("`{field}` cannot be compared with `{}`", shown(&word)),
                ));
            }
        };
        Ok(Expression::Compare(field, sign, literal))
    }
}

fn single(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

impl Expression {
    /// Whether it holds for a task.
    pub fn holds(&self, view: &View<'_>, task: &Task) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(view, task)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(view, task)),
            Self::Not(inner) => !inner.holds(view, task),
            Self::Compare(field, "has", Literal::Text(wanted)) => {
                let wanted = text::fold(wanted.trim_start_matches('@'));
                list(view, task, field)
                    .iter()
                    .any(|one| text::fold(one.trim_start_matches('@')) == wanted)
            }
            Self::Compare(field, sign, literal) => compares(view, task, field, sign, literal),
        }
    }
}

fn list(view: &View<'_>, task: &Task, field: &str) -> Vec<String> {
    match field {
        "labels" => {
            let rows = task.labels.iter().filter_map(|label| view.get(*label));
            rows.map(|row| row.name.clone()).collect()
        }
        _ => task.assignees.iter().map(|member| who(view, *member)).collect(),
    }
}

fn compares(view: &View<'_>, task: &Task, field: &str, sign: &str, literal: &Literal) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match literal {
        Literal::Text(wanted) => textual(task, field).map(|value| value.cmp(wanted)),
        Literal::Number(wanted) => number(task, field).map(|value| value.cmp(wanted)),
        Literal::Null => {
            let some = textual(task, field).is_some()
                || number(task, field).is_some()
                || (LISTS.contains(&field) && !list(view, task, field).is_empty());
            return some == (sign == "!=");
        }
    };
    match (sign, order) {
        ("!=", order) => order != Some(Equal),
        ("=", order) => order == Some(Equal),
        ("<", order) => order == Some(Less),
        (">", order) => order == Some(Greater),
        ("<=", order) => matches!(order, Some(Less | Equal)),
        (">=", order) => matches!(order, Some(Greater | Equal)),
        _ => false,
    }
}

fn textual(task: &Task, field: &str) -> Option<String> {
    let text = match field {
        "title" => task.title.clone(),
        "description" => task.description.clone(),
        "type" => task.r#type.word().to_owned(),
        "priority" => task.priority.word().to_owned(),
        "resolution" => task.resolution?.word().to_owned(),
        "startDate" => task.start_date?.to_string(),
        "dueDate" => task.due_date?.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn number(task: &Task, field: &str) -> Option<Decimal> {
    match field {
        "estimate" => task.estimate,
        "remaining" => task.remaining,
        "openItems" => Some(Decimal::from(task.checklist.iter().filter(|item| !item.done).count())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_a_position() {
        for (source, position) in [
            ("", 1),
            ("estimate <", 11),
            ("colour = \"red\"", 1),
            ("title = 'x", 9),
            ("(type = 'bug'", 14),
            ("type = 'bug' type", 14),
            ("labels < 'x'", 8),
            ("estimate = 1.2.3", 12),
            ("title ~ 'x'", 7),
        ] {
            assert_eq!(parse(source).unwrap_err().position, position, "{source}");
        }
    }

    #[test]
    fn or_binds_weaker_than_and() {
        let read = parse("type = 'bug' or type = 'story' and not estimate = null").unwrap();
        assert!(matches!(read, Expression::Any(parts) if parts.len() == 2));
    }
}
