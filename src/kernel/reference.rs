//! References by name: what a caller wrote, and the one thing it means (catalogue section 0.4).

use std::marker::PhantomData;
use std::sync::Arc;

use projections::Named;
use serde_json::{Value, json};

use crate::kernel::arg::value::shown;
use crate::kernel::arg::{Argument, Faults};
use crate::kernel::entity::{Entity, NAMES};
use crate::kernel::reject::Candidate;
use crate::kernel::table::{Label, Row, label};
use crate::kernel::{Rejection, View, text};

/// Most names that are compared when nothing matches.
const COMPARED_MAX: usize = 5_000;
/// Most candidates that an ambiguous reference lists.
const CANDIDATES_MAX: usize = 10;

/// A reference to one `E`: id, key, handle, e-mail, URL or exact name.
#[derive(Debug, PartialEq, Eq)]
pub struct Ref<E> {
    /// As written.
    pub text: String,
    /// The argument it stood in.
    pub path: String,
    kind: PhantomData<fn() -> E>,
}

impl<E> Clone for Ref<E> {
    fn clone(&self) -> Self {
        Self::new(&self.text, &self.path)
    }
}

impl<E> Ref<E> {
    /// A reference as written in an argument.
    pub fn new(text: &str, path: &str) -> Self {
        Self {
            text: text.to_owned(),
            path: path.to_owned(),
            kind: PhantomData,
        }
    }
}

fn reading(value: &Value, kind: &str, path: &str, faults: &mut Faults) -> Option<String> {
    let found = value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty() && text.len() <= 500);
    if found.is_none() {
        faults.push(
            path,
            format!("must be the id, key or exact name of a {kind}, not {}", shown(value)),
        );
    }
    found.map(ToOwned::to_owned)
}

impl<E: Named> Argument for Ref<E> {
    fn schema() -> Value {
        json!({"type": "string"})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        reading(value, E::KIND, path, faults).map(|text| Self::new(&text, path))
    }
}

/// A reference to anything: an id of any kind, or a key or name that only one thing has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyRef {
    /// As written.
    pub text: String,
    /// The argument it stood in.
    pub path: String,
}

impl Argument for AnyRef {
    fn schema() -> Value {
        json!({"type": "string"})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        reading(value, "thing", path, faults).map(|text| Self {
            text,
            path: path.to_owned(),
        })
    }
}

/// The part of a reference that names the thing: the last part of an Orkestra URL, or all of it.
fn name_in(text: &str) -> &str {
    if text.starts_with("http://") || text.starts_with("https://") {
        return text.trim_end_matches('/').rsplit('/').next().unwrap_or(text);
    }
    text
}

impl<'a> View<'a> {
    /// The one thing a reference means. Never guesses: several matches and none are both refused, with help.
    pub fn resolve<E: Entity>(&self, reference: &Ref<E>) -> Result<&'a Arc<Row<E>>, Rejection> {
        self.resolve_among(reference, |_| true)
    }

    /// As [`View::resolve`], among the rows that `fits` accepts.
    pub fn resolve_among<E: Entity>(
        &self,
        reference: &Ref<E>,
        fits: impl Fn(&Row<E>) -> bool,
    ) -> Result<&'a Arc<Row<E>>, Rejection> {
        let name = name_in(&reference.text);
        if let Some(row) = self.by_id::<E>(name).filter(|row| fits(row) && row.is_alive()) {
            return Ok(row);
        }
        if let Some(row) = self.myself::<E>(name).filter(|row| fits(row)) {
            self.note(&reference.path, &label(row));
            return Ok(row);
        }
        let found: Vec<&Arc<Row<E>>> = self
            .find::<E>(NAMES, &text::fold(name))
            .filter(|row| row.is_alive() && fits(row))
            .collect();
        match found.as_slice() {
            [row] => {
                self.note(&reference.path, &label(row));
                Ok(row)
            }
            [] => Err(self.nothing(reference, fits)),
            several => Err(
                ambiguous(E::KIND, &reference.text, several.iter().map(|row| label(row))).field(reference.path.clone()),
            ),
        }
    }

    fn by_id<E: Entity>(&self, text: &str) -> Option<&'a Arc<Row<E>>> {
        text.parse().ok().and_then(|id| self.get::<E>(id))
    }

    fn myself<E: Entity>(&self, text: &str) -> Option<&'a Arc<Row<E>>> {
        if text == "@me" && E::KIND == "member" {
            self.by_id(&self.caller.member.to_string())
        } else {
            None
        }
    }

    fn nothing<E: Entity>(&self, reference: &Ref<E>, fits: impl Fn(&Row<E>) -> bool) -> Rejection {
        let known: Vec<(&str, &Arc<Row<E>>)> = self
            .keys::<E>(NAMES)
            .take(COMPARED_MAX)
            .filter(|(_, row)| row.is_alive() && fits(row))
            .collect();
        let near = text::nearest(&reference.text, known.iter().map(|(name, _)| *name), 6);
        let mut candidates: Vec<Candidate> = Vec::new();
        for name in near {
            for (_, row) in known.iter().filter(|(key, _)| *key == name) {
                let candidate = candidate(label(row));
                if candidates.len() < 3 && !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        let hint = if candidates.is_empty() {
            format!("list what there is, or use resolve_references to find the {}", E::KIND)
        } else {
            "use one of the candidates if it is what you meant".to_owned()
        };
        Rejection::not_found(E::KIND, &reference.text)
            .field(reference.path.clone())
            .hint(hint)
            .candidates(candidates)
    }

    /// What a reference to anything means, among some kinds (all where none is named).
    pub fn resolve_any(&self, reference: &AnyRef, kinds: &[&str]) -> Result<Label, Rejection> {
        let name = name_in(&reference.text);
        let wanted = |kind: &str| kinds.is_empty() || kinds.contains(&kind);
        if let Some(kind) = self.state.kind_of(name).filter(|kind| wanted(kind))
            && let Some(found) = self.describe(kind, name)
        {
            return Ok(found);
        }
        let folded = text::fold(name);
        let found: Vec<Label> = self
            .state
            .kinds()
            .filter(|(kind, _)| wanted(kind))
            .flat_map(|(_, table)| table.named(&self.caller.org, &folded))
            .filter(|label| self.describe(label.kind, &label.id).is_some())
            .collect();
        match found.as_slice() {
            [one] => {
                self.note(&reference.path, one);
                Ok(one.clone())
            }
            [] => Err(Rejection::not_found("thing", &reference.text)
                .field(reference.path.clone())
                .hint("give its id or key; resolve_references finds it by name")),
            several => Err(ambiguous("thing", &reference.text, several.iter().cloned()).field(reference.path.clone())),
        }
    }

    pub(crate) fn note(&self, path: &str, label: &Label) {
        let mut shown = json!({"id": label.id, "label": label.label});
        if let (Value::Object(members), Some(key)) = (&mut shown, &label.key) {
            members.insert("key".to_owned(), Value::from(key.as_str()));
        }
        self.resolved.borrow_mut().insert(path.to_owned(), shown);
    }
}

/// As a candidate of a rejection.
pub fn candidate(label: Label) -> Candidate {
    Candidate {
        id: label.id,
        key: label.key,
        label: label.label,
    }
}

fn ambiguous(kind: &str, text: &str, found: impl ExactSizeIterator<Item = Label>) -> Rejection {
    let count = found.len();
    Rejection::new(
        "ambiguous_reference",
        format!("`{text}` means {count} things of kind {kind}"),
    )
    .hint("use the id or key of one of the candidates")
    .candidates(found.take(CANDIDATES_MAX).map(candidate).collect())
}
