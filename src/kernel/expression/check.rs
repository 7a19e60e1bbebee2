//! What is checked of an expression before it ever runs: names, types where they can be told, and what it may cost.

use std::collections::BTreeMap;

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue, SourceInfo, operators};

use crate::kernel::text;

/// Most parts of an expression.
const PARTS_MAX: usize = 200;
/// Functions that may be called, beside the operators.
const FUNCTIONS: [&str; 8] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "double",
    "string",
    "has",
];

/// What is wrong with an expression, and at which character, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why} at character {position}{}", .nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
pub struct Mistake {
    /// Where.
    pub position: usize,
    /// Why.
    pub why: String,
    /// The known name that is nearest to an unknown one.
    pub nearest: Option<String>,
}

impl Mistake {
    pub(super) fn new(position: usize, why: impl Into<String>) -> Self {
        Self {
            position,
            why: why.into(),
            nearest: None,
        }
    }
}

/// What a variable or a field of it is. Each may also be null.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A text; days and hours are texts that sort, `2026-03-31`.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A list of texts.
    List,
    /// A thing with these fields.
    Thing(Variables),
    /// Not known before it runs.
    Any,
}

impl Type {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "yes or no",
            Self::List => "list",
            Self::Thing(_) => "thing",
            Self::Any => "any",
        }
    }
}

/// Names with their types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables(pub BTreeMap<String, Type>);

impl Variables {
    /// A name and its type more.
    #[must_use]
    pub fn with(mut self, name: &str, of: Type) -> Self {
        self.0.insert(name.to_owned(), of);
        self
    }

    /// The type of a path such as `task.title`.
    ///
    /// # Errors
    /// The part that is not known, and the nearest known name.
    pub fn of_path(&self, path: &str) -> Result<Type, (String, Option<String>)> {
        let (mut known, mut found) = (self, Type::Any);
        for (place, part) in path.split('.').enumerate() {
            let unknown = || (part.to_owned(), known.nearest(part));
            match known.0.get(part) {
                Some(of) => found = of.clone(),
                None if place > 0 && found == Type::Any => return Ok(Type::Any),
                None => return Err(unknown()),
            }
            match known.0.get(part) {
                Some(Type::Thing(inner)) => known = inner,
                _ if path.split('.').count() > place + 1 && found != Type::Any => {
                    return Err((path.split('.').nth(place + 1).unwrap_or_default().to_owned(), None));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The known name nearest to another one.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let near = text::nearest(name, self.0.keys().map(String::as_str), 1);
        near.first().map(|name| (*name).to_owned())
    }
}

pub(super) fn check(expression: &IdedExpr, places: &SourceInfo, variables: &Variables) -> Result<(), Mistake> {
    let mut checker = Checker {
        places,
        variables,
        bound: Vec::new(),
        parts: 0,
    };
    match checker.of(expression)? {
        Type::Flag | Type::Any => Ok(()),
        other => Err(Mistake::new(
            1,
            format!("it is a {}, and must say yes or no,", other.word()),
        )),
    }
}

struct Checker<'a> {
    places: &'a SourceInfo,
    variables: &'a Variables,
    /// What `exists` and `all` call the members of their lists.
    bound: Vec<String>,
    parts: usize,
}

impl Checker<'_> {
    fn at(&self, id: u64) -> usize {
        let start = self.places.offset_for(id).map_or(0, |(start, _)| start);
        usize::try_from(start).unwrap_or(0) + 1
    }

    fn mistake(&self, id: u64, why: impl Into<String>) -> Mistake {
        Mistake::new(self.at(id), why)
    }

    fn of(&mut self, part: &IdedExpr) -> Result<Type, Mistake> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(self.mistake(part.id, format!("it has more than {PARTS_MAX} parts")));
        }
        match &part.expr {
            Expr::Literal(literal) => Ok(literal_type(literal)),
            Expr::Ident(name) => self.named(part.id, name),
            Expr::Select(select) => {
                let operand = self.of(&select.operand)?;
                let found = self.field(part.id, &operand, &select.field)?;
                Ok(if select.test { Type::Flag } else { found })
            }
            Expr::Call(call) => {
                let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
                let types = parts.map(|part| self.of(part)).collect::<Result<Vec<_>, _>>()?;
                self.call(part.id, &call.func_name, &types)
            }
            Expr::Comprehension(inner) => self.each(part.id, inner),
            Expr::List(list) => {
                for element in &list.elements {
                    self.of(element)?;
                }
                Ok(Type::List)
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.of(&entry.key)?;
                        self.of(&entry.value)?;
                    }
                }
                Err(self.mistake(part.id, "maps cannot be made here"))
            }
            Expr::Struct(_) | Expr::Unspecified => Err(self.mistake(part.id, "nothing of the kind can be made here")),
        }
    }

    fn named(&self, id: u64, name: &str) -> Result<Type, Mistake> {
        if name.starts_with('@') || self.bound.iter().any(|bound| bound == name) {
            return Ok(Type::Any);
        }
        if let Some(found) = self.variables.0.get(name) {
            return Ok(found.clone());
        }
        let known: Vec<&str> = self.variables.0.keys().map(String::as_str).collect();
        let mut wrong = self.mistake(id, format!("there is no variable `{name}`, only {},", known.join(", ")));
        wrong.nearest = self.variables.nearest(name);
        Err(wrong)
    }

    fn field(&self, id: u64, of: &Type, field: &str) -> Result<Type, Mistake> {
        match of {
            Type::Any => Ok(Type::Any),
            Type::Thing(fields) => fields.0.get(field).cloned().ok_or_else(|| {
                let mut wrong = self.mistake(id, format!("there is no field `{field}`"));
                wrong.nearest = fields.nearest(field);
                wrong
            }),
            other => Err(self.mistake(id, format!("a {} has no field `{field}`", other.word()))),
        }
    }

    fn call(&self, id: u64, name: &str, types: &[Type]) -> Result<Type, Mistake> {
        match name {
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS => {
                if let [one, other] = types
                    && !fits(one, other)
                {
                    let why = format!("a {} is never compared with a {}", one.word(), other.word());
                    return Err(self.mistake(id, why));
                }
                Ok(Type::Flag)
            }
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE => {
                match types.iter().find(|of| !matches!(of, Type::Flag | Type::Any)) {
                    Some(other) => Err(self.mistake(id, format!("a {} says neither yes nor no", other.word()))),
                    None => Ok(Type::Flag),
                }
            }
            operators::IN => Ok(Type::Flag),
            operators::CONDITIONAL | operators::INDEX => Ok(Type::Any),
            // Adding texts makes them longer, but never longer than the expression has parts.
            operators::ADD => Ok(types.first().cloned().unwrap_or(Type::Any)),
            operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO | operators::NEGATE => {
                Ok(Type::Number)
            }
            "size" | "int" | "double" => Ok(Type::Number),
            "string" => Ok(Type::Text),
            "contains" | "startsWith" | "endsWith" => Ok(Type::Flag),
            other => {
                let known = FUNCTIONS.join(", ");
                Err(self.mistake(id, format!("there is no function `{other}`, only {known},")))
            }
        }
    }

    /// `exists`, `all` and `exists_one`: what they give does not depend on an order. `map` and `filter` build lists.
    fn each(&mut self, id: u64, inner: &ComprehensionExpr) -> Result<Type, Mistake> {
        if !matches!(inner.accu_init.expr, Expr::Literal(_)) {
            return Err(self.mistake(id, "map and filter are not offered, only exists, all and exists_one,"));
        }
        if !self.bound.is_empty() {
            return Err(self.mistake(id, "one list inside another is not gone through"));
        }
        match self.of(&inner.iter_range)? {
            Type::List | Type::Any => {}
            other => return Err(self.mistake(id, format!("a {} has no members", other.word()))),
        }
        self.bound.push(inner.iter_var.clone());
        self.of(&inner.loop_cond)?;
        self.of(&inner.loop_step)?;
        self.bound.pop();
        Ok(Type::Flag)
    }
}

fn literal_type(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Flag,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Number,
        LiteralValue::Null | LiteralValue::Bytes(_) => Type::Any,
    }
}

fn fits(one: &Type, other: &Type) -> bool {
    one == other || *one == Type::Any || *other == Type::Any
}
