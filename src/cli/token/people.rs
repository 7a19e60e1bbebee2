//! Whom an operator means.

use std::sync::Arc;

use projections::Id;

use crate::cli::{Failure, operator};
use crate::kernel::Row;
use crate::kernel::identity::{Member, MemberKind, MemberStatus, Role};
use crate::kernel::state::State;
use crate::processor::Handle;

/// The organisation and the member of a handle or id; the first owner where none is named. Who was invited joins by this:
/// giving somebody a token is letting them in.
pub(in crate::cli) async fn one(handle: &Handle, wanted: Option<&str>) -> Result<(String, Id<Member>), Failure> {
    let snapshot = handle.snapshot();
    let Some(text) = wanted else {
        return owner(&snapshot, None);
    };
    let row = member(&snapshot, text)?;
    if row.status == MemberStatus::Invited {
        let joined = handle.join(&operator::operator_of(&snapshot, &row.org)?, row.id).await;
        joined.map_err(|no| Failure::new(no.message))?;
    }
    Ok((row.org.clone(), row.id))
}

/// The member of a handle or id, who takes part or is invited.
pub(in crate::cli) fn member<'s>(state: &'s State, text: &str) -> Result<&'s Arc<Row<Member>>, Failure> {
    let members = state.table::<Member>();
    let members = members.ok_or_else(|| Failure::new("there are no members"))?;
    let named = |row: &&Arc<Row<Member>>| {
        let meant = row.id.to_string() == text || row.handle == text.trim_start_matches('@');
        meant && matches!(row.status, MemberStatus::Active | MemberStatus::Invited)
    };
    let found: Vec<&Arc<Row<Member>>> = members.rows().filter(named).collect();
    match found.as_slice() {
        [] => Err(Failure::new(format!("there is no member `{text}`"))
            .hint("list_organization_members shows handles and ids; invite people with manage_organization")),
        [row] => Ok(row),
        several => {
            let ids: Vec<String> = several.iter().map(|row| row.id.to_string()).collect();
            Err(Failure::new(format!("`{text}` is in several organisations"))
                .hint(format!("use an id: {}", ids.join(", "))))
        }
    }
}

/// The first active human owner, of one organisation where it is named.
pub(in crate::cli) fn owner(state: &State, org: Option<&str>) -> Result<(String, Id<Member>), Failure> {
    let roles = state.table::<Role>();
    let owns = |id: &Id<Role>| {
        let role = roles.and_then(|roles| roles.get(*id));
        role.is_some_and(|role| role.builtin && role.name == "owner")
    };
    let members = state
        .table::<Member>()
        .into_iter()
        .flat_map(crate::kernel::table::Table::rows);
    let mut owners = members.filter(|row| {
        let here = org.is_none_or(|org| row.org == org);
        here && row.kind == MemberKind::Human && row.status == MemberStatus::Active && row.roles.iter().any(owns)
    });
    let row = owners.next().ok_or_else(|| Failure::new("there is no owner"))?;
    Ok((row.org.clone(), row.id))
}
