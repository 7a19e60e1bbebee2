//! Which tasks a query means: the part of OQL that says what all of them have in common, `field op value` joined by `and`. The
//! rest of OQL comes with the saved views of Search and will mean the same here.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::kernel::Rejection;

/// One comparison that can be made: field, operator, the filters of `list_tasks` that it sets.
type Comparison = (&'static str, &'static str, &'static [&'static str]);

const COMPARISONS: [Comparison; 18] = [
    ("project", "=", &["project"]),
    ("state", "=", &["state"]),
    ("state", "in", &["state"]),
    ("category", "=", &["category"]),
    ("category", "in", &["category"]),
    ("assignee", "=", &["assignee"]),
    ("reporter", "=", &["reporter"]),
    ("type", "=", &["type"]),
    ("type", "in", &["type"]),
    ("priority", "=", &["priority"]),
    ("priority", "in", &["priority"]),
    ("label", "=", &["labels"]),
    ("parent", "=", &["parent"]),
    ("due", "=", &["dueFrom", "dueTo"]),
    ("due", ">=", &["dueFrom"]),
    ("due", "<=", &["dueTo"]),
    ("overdue", "=", &["overdue"]),
    ("title", "~", &["q"]),
];
/// Filters that take a list.
const LISTS: [&str; 5] = ["state", "category", "type", "priority", LABELS];
/// The one that asks for all of its list, so that it may be said more than once.
const LABELS: &str = "labels";
/// Operators, the longer ones first.
const OPERATORS: [&str; 7] = ["<=", ">=", "!=", "=", "~", "<", ">"];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Op(&'static str),
    Mark(char),
}

/// The refusal of a query that cannot be read at a position, in characters from its beginning.
pub fn bad(why: impl std::fmt::Display, position: usize) -> Rejection {
    let mut fields: Vec<String> = Vec::new();
    for (field, op, _) in COMPARISONS {
        fields.push(format!("{field} {op}"));
    }
    Rejection::new("bad_query", format!("the query cannot be read: {why}"))
        .field("query")
        .allowed(fields)
        .current(json!({"position": position}))
        .hint("join comparisons with `and`: project = OPS and state in (\"To do\", Backlog) and label = bug and title ~ door")
}

/// What a query asks, as arguments of `list_tasks`.
///
/// # Errors
/// `bad_query` with the position and what may stand in a query.
pub fn filters(query: &str, today: Date) -> Result<Map<String, Value>, Rejection> {
    let tokens = tokens(query)?;
    let mut reader = Reader {
        tokens: &tokens,
        end: query.chars().count(),
        today,
    };
    let mut filters = Map::new();
    loop {
        reader.comparison(&mut filters)?;
        if reader.tokens.is_empty() {
            return Ok(filters);
        }
        let at = reader.at();
        match reader.word().as_deref() {
            Some("and") => {}
            Some("or" | "not") => {
                return Err(bad(
                    "`or`, `not` and parentheses need the saved views of Search, which are not here yet",
                    at,
                ));
            }
            _ => return Err(bad("`and` must stand between two comparisons", at)),
        }
    }
}

struct Reader<'t> {
    tokens: &'t [(usize, Token)],
    end: usize,
    today: Date,
}

impl Reader<'_> {
    /// Where the next token stands.
    fn at(&self) -> usize {
        self.tokens.first().map_or(self.end, |(at, _)| *at)
    }

    fn next(&mut self) -> Option<Token> {
        let ((_, token), rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(token.clone())
    }

    /// A word of the language, whatever its case.
    fn word(&mut self) -> Option<String> {
        match self.next() {
            Some(Token::Word(word)) => Some(word.to_lowercase()),
            _ => None,
        }
    }

    fn takes(&mut self, mark: char) -> bool {
        let is_next = self
            .tokens
            .first()
            .is_some_and(|(_, token)| *token == Token::Mark(mark));
        is_next && self.next().is_some()
    }

    fn comparison(&mut self, filters: &mut Map<String, Value>) -> Result<(), Rejection> {
        let at = self.at();
        let field = self.word().ok_or_else(|| bad("a field must stand here", at))?;
        if !COMPARISONS.iter().any(|(known, ..)| *known == field) {
            return Err(bad(format!("there is no field `{field}`"), at));
        }
        let at = self.at();
        let op = match self.next() {
            Some(Token::Op(op)) => op.to_owned(),
            Some(Token::Word(word)) => word.to_lowercase(),
            _ => return Err(bad("an operator must stand here", at)),
        };
        let known = COMPARISONS
            .iter()
            .find(|(known, with, _)| *known == field && *with == op);
        let (.., names) = known.ok_or_else(|| bad(format!("`{field}` cannot be compared with `{op}`"), at))?;
        let values = if op == "in" {
            self.values()?
        } else {
            vec![self.value()?]
        };
        for name in *names {
            set(filters, name, &values).map_err(|why| bad(why, at))?;
        }
        Ok(())
    }

    fn values(&mut self) -> Result<Vec<String>, Rejection> {
        if !self.takes('(') {
            return Err(bad("`(` must stand here", self.at()));
        }
        let mut values = vec![self.value()?];
        while self.takes(',') {
            values.push(self.value()?);
        }
        if self.takes(')') {
            return Ok(values);
        }
        Err(bad("`)` or `,` must stand here", self.at()))
    }

    fn value(&mut self) -> Result<String, Rejection> {
        let at = self.at();
        match self.next() {
            Some(Token::Text(text)) => Ok(text),
            Some(Token::Word(word)) if !self.takes('(') => Ok(word),
            Some(Token::Word(word)) => match (word.to_lowercase().as_str(), self.takes(')')) {
                ("me", true) => Ok("@me".to_owned()),
                ("today", true) => Ok(self.today.to_string()),
                _ => Err(bad(
                    format!("`{word}` is no function of a query here; me() and today() are"),
                    at,
                )),
            },
            _ => Err(bad("a value must stand here", at)),
        }
    }
}

fn set(filters: &mut Map<String, Value>, name: &str, values: &[String]) -> Result<(), String> {
    let is_list = LISTS.contains(&name);
    match filters.get_mut(name) {
        Some(Value::Array(known)) if name == LABELS => known.extend(values.iter().cloned().map(Value::from)),
        Some(_) => return Err("the same is compared twice".to_owned()),
        None if is_list => {
            filters.insert(name.to_owned(), values.to_vec().into());
        }
        None => {
            filters.insert(name.to_owned(), values.concat().into());
        }
    }
    Ok(())
}

fn tokens(query: &str) -> Result<Vec<(usize, Token)>, Rejection> {
    let mut tokens = Vec::new();
    let (mut rest, mut at) = (query, 0);
    while let Some(first) = rest.chars().next() {
        let (token, bytes) = match first {
            space if space.is_whitespace() => (None, space.len_utf8()),
            '(' | ')' | ',' => (Some(Token::Mark(first)), 1),
            '"' => {
                let (text, bytes) = quoted(rest).ok_or_else(|| bad("a quotation mark is not closed", at))?;
                (Some(Token::Text(text)), bytes)
            }
            _ => symbol(rest),
        };
        tokens.extend(token.map(|token| (at, token)));
        let (read, left) = rest.split_at_checked(bytes).unwrap_or((rest, ""));
        at += read.chars().count();
        rest = left;
    }
    Ok(tokens)
}

/// An operator or a word, with the bytes that it takes.
fn symbol(rest: &str) -> (Option<Token>, usize) {
    if let Some(op) = OPERATORS.iter().find(|op| rest.starts_with(**op)) {
        return (Some(Token::Op(op)), op.len());
    }
    let ends = |letter: char| letter.is_whitespace() || "\"(),=!~<>".contains(letter);
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let bytes = rest.find(ends).unwrap_or(rest.len()).max(first);
    (
        Some(Token::Word(rest.get(..bytes).unwrap_or_default().to_owned())),
        bytes,
    )
}

/// A text in quotation marks, in which a backslash takes the next character as it is; with the bytes that it takes.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let (mut text, mut is_escaped) = (String::new(), false);
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if is_escaped => {
                text.push(letter);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => return Some((text, at + 1)),
            _ => text.push(letter),
        }
    }
    None
}
