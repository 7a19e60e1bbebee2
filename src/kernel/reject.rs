//! A rejection: a "no" that the caller can act on.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

/// One wrong argument: where, which rule, and what would be right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// Path of the argument, for example `items[2].title`.
    pub path: String,
    /// The rule it breaks, as a sentence fragment.
    pub rule: String,
    /// The values that are allowed, where they can be listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// A value that would be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
}

/// Something that the caller may have meant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Its identifier.
    pub id: String,
    /// Its human key, handle or slug, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its name.
    pub label: String,
}

/// A call that would help.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTool {
    /// The tool.
    pub name: Cow<'static, str>,
    /// Its arguments.
    pub arguments: Value,
}

/// The answer "no": a stable code, a sentence, and what would work instead.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// Stable, for programs.
    pub code: Cow<'static, str>,
    /// One lower-case sentence without a full stop, with the value in it.
    pub message: String,
    /// What to do next, in words that a model can act on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The argument it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Value>,
    /// What may have been meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Every wrong argument.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// How things stand now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Value>,
    /// The call that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_tool: Option<NextTool>,
    /// When to come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Rejection {
    /// A rejection with a code of its own.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Cow::Borrowed(code),
            message: message.into(),
            hint: None,
            field: None,
            allowed: Vec::new(),
            candidates: Vec::new(),
            faults: Vec::new(),
            current: None,
            next_tool: None,
            retry_after_ms: None,
        }
    }

    /// All wrong arguments at once.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let unknown = faults.iter().all(|fault| fault.rule.starts_with("is not an argument"));
        let code = if unknown {
            "unknown_argument"
        } else {
            "validation_failed"
        };
        let said: Vec<String> = faults
            .iter()
            .map(|fault| format!("`{}` {}", fault.path, fault.rule))
            .collect();
        let mut rejection = Self::new(code, said.join("; ")).hint("correct every listed argument and call again");
        rejection.field = faults.first().map(|fault| fault.path.clone());
        rejection.faults = faults;
        rejection
    }

    /// One argument breaks a rule that the schema cannot express.
    pub fn argument(field: &str, rule: impl Into<String>) -> Self {
        Self::invalid(vec![Fault {
            path: field.to_owned(),
            rule: rule.into(),
            allowed: Vec::new(),
            example: None,
        }])
    }

    /// There is no such thing, or the caller may not know of it: the same answer.
    pub fn not_found(kind: &str, text: &str) -> Self {
        Self::new("not_found", format!("there is no {kind} `{text}` here"))
    }

    /// The caller lacks a permission.
    pub fn forbidden(permission: &str) -> Self {
        let mut rejection = Self::new("forbidden", format!("this needs the permission `{permission}`"))
            .hint("ask somebody who manages roles to grant it, or use a token whose scopes include it");
        rejection.current = Some(serde_json::json!({"missing": permission, "grantedBy": "a holder of roles.manage"}));
        rejection
    }

    /// An argument that belongs to a module that has not landed.
    pub fn not_yet(field: &str, module: &str) -> Self {
        let mut rejection = Self::new(
            "not_available_yet",
            format!("`{field}` needs the module {module}, which this server does not have yet"),
        )
        .hint(format!("leave `{field}` out"));
        rejection.field = Some(field.to_owned());
        rejection
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the argument.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Lists what is allowed.
    #[must_use]
    pub fn allowed<T: Into<Value>>(mut self, allowed: impl IntoIterator<Item = T>) -> Self {
        self.allowed = allowed.into_iter().map(Into::into).collect();
        self
    }

    /// Lists what may have been meant.
    #[must_use]
    pub fn candidates(mut self, candidates: Vec<Candidate>) -> Self {
        self.candidates = candidates;
        self
    }

    /// Says how things stand now.
    #[must_use]
    pub fn current(mut self, current: Value) -> Self {
        self.current = Some(current);
        self
    }

    /// Names a call that helps.
    #[must_use]
    pub fn next(mut self, tool: &'static str, arguments: Value) -> Self {
        self.next_tool = Some(NextTool {
            name: Cow::Borrowed(tool),
            arguments,
        });
        self
    }

    /// `{"error": {…}}`, the shape of catalogue section 0.8.
    pub fn to_json(&self) -> Value {
        let mut outer = Map::new();
        outer.insert("error".to_owned(), serde_json::to_value(self).unwrap_or_default());
        Value::Object(outer)
    }

    /// The HTTP status that belongs to the code (catalogue section 0.8); a rule of one tool is 422.
    pub fn status(&self) -> u16 {
        match self.code.as_ref() {
            "validation_failed" | "unknown_argument" | "bad_query" | "cursor_expired" | "not_available_yet" => 400,
            "unauthenticated" => 401,
            "forbidden" | "policy_denied" | "policy_error" | "approver_required" => 403,
            "not_found" => 404,
            "ambiguous_reference" | "version_conflict" | "preview_stale" | "not_pending" | "in_flight" => 409,
            "rate_limited" => 429,
            "unavailable" => 503,
            _ => 422,
        }
    }
}
