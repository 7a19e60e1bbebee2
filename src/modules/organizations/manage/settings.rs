//! `update_settings`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::kernel::arg::JsonObject;
use crate::kernel::identity::{Organization, OrganizationSettings};
use crate::kernel::tool::object;
use crate::kernel::{Plan, Rejection, Risk, Row, View, policy};
use crate::modules::organizations::create::{check_currency, check_slug, check_timezone};

/// What belongs to the organisation itself; everything else given is a setting.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Own {
    name: Option<String>,
    slug: Option<String>,
    timezone: Option<String>,
    currency: Option<String>,
    locale: Option<String>,
    week_start: Option<String>,
}

const OWN: [&str; 6] = ["name", "slug", "timezone", "currency", "locale", "weekStart"];

fn wrong(cause: impl ToString) -> Rejection {
    Rejection::argument("settings", cause.to_string())
}

pub(super) fn update(view: &View<'_>, row: &Row<Organization>, given: JsonObject) -> Result<Plan, Rejection> {
    let (own, rest): (Map<String, Value>, Map<String, Value>) =
        given.0.into_iter().partition(|(name, _)| OWN.contains(&name.as_str()));
    let own: Own = serde_json::from_value(Value::Object(own)).map_err(wrong)?;
    check_own(view, row, &own)?;
    let mut merged = object(serde_json::to_value(&row.settings).unwrap_or_default());
    merged.extend(rest);
    let settings: OrganizationSettings = serde_json::from_value(Value::Object(merged)).map_err(wrong)?;
    check_settings(view, &settings)?;
    let mut plan = Plan::new(format!("Change the settings of \"{}\"", row.name));
    plan.edit("organization.settings_changed", row, |organization| {
        if let Some(slug) = own.slug.filter(|slug| *slug != organization.slug) {
            organization
                .old_slugs
                .push(std::mem::replace(&mut organization.slug, slug));
        }
        set(&mut organization.name, own.name);
        set(&mut organization.timezone, own.timezone);
        set(&mut organization.currency, own.currency);
        set(&mut organization.week_start, own.week_start);
        organization.locale = own.locale.or(organization.locale.take());
        organization.settings = settings;
    })?;
    let after = plan.after(row);
    plan.detail("consequences", consequences(row, &after));
    if policy::loosened(view.registry, &row.settings, &after.settings).is_some() {
        plan.risk = Some(Risk::High);
    }
    plan.result = json!({"id": row.id.to_string(), "name": after.name, "slug": after.slug, "settings": after.settings});
    Ok(plan)
}

fn set(place: &mut String, value: Option<String>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn check_own(view: &View<'_>, row: &Row<Organization>, own: &Own) -> Result<(), Rejection> {
    if let Some(name) = &own.name
        && !(2..=80).contains(&name.chars().count())
    {
        return Err(wrong(format!("name must have 2 to 80 characters, not `{name}`")));
    }
    if let Some(slug) = own.slug.as_ref().filter(|slug| **slug != row.slug) {
        if crate::kernel::text::slug(slug) != *slug {
            return Err(wrong(format!(
                "slug must be lower-case letters, digits and hyphens, not `{slug}`"
            )));
        }
        if !row.old_slugs.contains(slug) {
            check_slug(view, slug)?;
        }
    }
    own.timezone.as_deref().map_or(Ok(()), check_timezone)?;
    own.currency.as_deref().map_or(Ok(()), check_currency)?;
    match own.week_start.as_deref() {
        None | Some("monday" | "saturday" | "sunday") => Ok(()),
        Some(day) => Err(wrong(format!(
            "weekStart must be monday, saturday or sunday, not `{day}`"
        ))),
    }
}

fn check_settings(view: &View<'_>, settings: &OrganizationSettings) -> Result<(), Rejection> {
    if !(30..=3650).contains(&settings.retention_days) {
        return Err(wrong(format!(
            "retentionDays must be 30 to 3650, not {}",
            settings.retention_days
        )));
    }
    let kinds = policy::KINDS;
    let unknown = |name: &&String| !kinds.contains(&name.as_str()) && view.registry.tool(name).is_none();
    if let Some(name) = settings.confirm_policy.keys().find(unknown) {
        return Err(wrong(format!(
            "confirmPolicy has `{name}`, which is neither a kind nor a tool"
        ))
        .allowed(kinds));
    }
    let unknown = |name: &&String| view.registry.tool(name).is_none();
    match settings.agent_policy.denied_tools.iter().find(unknown) {
        Some(name) => Err(wrong(format!("agentPolicy.deniedTools has `{name}`, which is no tool"))),
        None => Ok(()),
    }
}

fn consequences(before: &Organization, after: &Organization) -> Vec<String> {
    let (old, new) = (&before.settings, &after.settings);
    let mut said = Vec::new();
    for (name, policy) in &new.confirm_policy {
        if old.confirm_policy.get(name) != Some(policy) {
            said.push(format!(
                "what is {name} must from now on be confirmed by: {}",
                policy.word()
            ));
        }
    }
    for name in old
        .confirm_policy
        .keys()
        .filter(|name| !new.confirm_policy.contains_key(*name))
    {
        said.push(format!("{name} has no rule of its own any more"));
    }
    for tool in &new.agent_policy.denied_tools {
        if !old.agent_policy.denied_tools.contains(tool) {
            said.push(format!("agents can no longer propose {tool}"));
        }
    }
    if after.slug != before.slug {
        said.push(format!("the old slug {} still leads here", before.slug));
    }
    if after.timezone != before.timezone {
        said.push("days begin and end at other hours for members without a zone of their own".to_owned());
    }
    if old.guest_access && !new.guest_access {
        said.push("no guests can be invited; those who are in stay".to_owned());
    }
    said
}
