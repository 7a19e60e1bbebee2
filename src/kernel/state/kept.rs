//! The state as rows of text: what a checkpoint keeps, and the way back.

use std::any::Any;
use std::sync::Arc;

use jiff::Timestamp;
use projections::actions::Reader;
use projections::facets::{OWED, USED};
use projections::{Action, Id, Named};
use thiserror::Error;

use super::State;
use crate::kernel::reaction::Debts;
use crate::kernel::table::Unlike;

/// One row of the state. The kind and the identifier tell it from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The kind of entity, `action`, or `used` for the last use of a token.
    pub kind: &'static str,
    /// Its identifier.
    pub id: String,
    /// JSON.
    pub text: String,
}

/// A row that was kept and understood, on its way back into a state.
pub enum Loose {
    /// An action.
    Action(Box<Action>),
    /// When a token was last used.
    Used(String, Timestamp),
    /// What reactions are owed.
    Owed(Debts),
    /// A row of the table of a kind.
    Row(&'static str, Box<dyn Any + Send>),
}

/// Why a kept row cannot be put back: the checkpoint must not be used.
#[derive(Debug, Error)]
pub enum Spoilt {
    /// No module of this program has the kind.
    #[error("a checkpoint holds a {0}, which no module of this program knows")]
    UnknownKind(String),
    /// The text is not what this program writes.
    #[error("a checkpoint's {kind} {id} cannot be read: {cause}")]
    Unreadable {
        /// The kind.
        kind: String,
        /// The identifier.
        id: String,
        /// What is wrong with it.
        cause: Unlike,
    },
}

impl State {
    /// One row, to be kept; `None` where there is none.
    pub fn keep(&self, kind: &str, id: &str) -> Option<Result<String, serde_json::Error>> {
        match kind {
            Action::KIND => {
                let action = self.actions.get(id.parse::<Id<Action>>().ok()?)?;
                Some(action.keep())
            }
            USED => self.used.get(id).map(serde_json::to_string),
            OWED => self.debts.keep(),
            _ => self.any(kind)?.keep(id),
        }
    }

    /// Every row, one kind after the other; with position and hour it is the whole state.
    pub fn keep_all(&self) -> impl Iterator<Item = Result<Kept, serde_json::Error>> {
        let rows = self
            .kinds()
            .flat_map(|(kind, table)| table.keep_all().map(move |(id, text)| (kind, id, text)));
        let actions = self.actions.iter();
        let actions = actions.map(|action| (Action::KIND, action.id.to_string(), action.keep()));
        let used = self.used.iter();
        let used = used.map(|(token, at)| (USED, token.clone(), serde_json::to_string(at)));
        let owed = self.debts.keep().map(|text| (OWED, OWED.to_owned(), text));
        let all = rows.chain(actions).chain(used).chain(owed);
        all.map(|(kind, id, text)| text.map(|text| Kept { kind, id, text }))
    }

    /// Makes something of a row that was kept; `actions` reads those of actions. It depends on the kinds alone and not on what this
    /// state holds.
    ///
    /// # Errors
    /// Then the state cannot be made whole.
    pub fn understand(&self, actions: &mut Reader, kind: &str, id: &str, text: &str) -> Result<Loose, Spoilt> {
        let unreadable = |cause| Spoilt::Unreadable {
            kind: kind.to_owned(),
            id: id.to_owned(),
            cause,
        };
        Ok(match kind {
            Action::KIND => Loose::Action(actions.action(text).map_err(|cause| unreadable(cause.into()))?.into()),
            USED => {
                let at = serde_json::from_str(text).map_err(|cause| unreadable(cause.into()))?;
                Loose::Used(id.to_owned(), at)
            }
            OWED => Loose::Owed(Debts::restore(text).map_err(|cause| unreadable(cause.into()))?),
            _ => {
                let unknown = || Spoilt::UnknownKind(kind.to_owned());
                let table = self.any(kind).ok_or_else(unknown)?;
                Loose::Row(table.word(), table.understand(text).map_err(unreadable)?)
            }
        })
    }

    /// Puts back a row that was understood. Position and hour are set when all are there.
    ///
    /// # Errors
    /// Then the state is not whole and must be thrown away.
    pub fn put_back(&mut self, loose: Loose) -> Result<(), Spoilt> {
        match loose {
            Loose::Action(action) => self.actions.restore(*action),
            Loose::Used(token, at) => drop(self.used.insert(token, at)),
            Loose::Owed(debts) => self.debts = debts,
            Loose::Row(kind, row) => {
                let unknown = || Spoilt::UnknownKind(kind.to_owned());
                let tables = Arc::make_mut(&mut self.tables);
                let table = tables.0.get_mut(kind).ok_or_else(unknown)?;
                table.put_back(row).map_err(|(id, cause)| Spoilt::Unreadable {
                    kind: kind.to_owned(),
                    id,
                    cause,
                })?;
            }
        }
        Ok(())
    }

    /// Makes something of one row and puts it back.
    ///
    /// # Errors
    /// Then the state is not whole and must be thrown away.
    pub fn restore(&mut self, kind: &str, id: &str, text: &str) -> Result<(), Spoilt> {
        self.put_back(self.understand(&mut Reader::default(), kind, id, text)?)
    }
}
