//! `create_organization`.

use serde_json::json;

use super::founding::{Founding, ROLES, STATES, found};
use crate::kernel::arg::{In, Slug, Str, WriteArgs};
use crate::kernel::identity::{ConfirmPolicy, Organization};
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Rejection, Risk, View, text};
use crate::{args, choice};

choice! {
    /// What a new organisation begins with.
    pub enum Template {
        /// Roles and the default workflow.
        Blank = "blank",
        /// For software teams.
        Software = "software",
        /// For agencies.
        Agency = "agency",
        /// For operations.
        Operations = "operations",
    }
}

args! {
    /// Arguments of `create_organization`.
    pub struct CreateOrganization {
        /// Its name.
        name: Str<2, 80>,
        /// Its address part; derived from the name where left out.
        slug: Option<Slug>,
        /// IANA time zone, for example Europe/Madrid.
        timezone: Str<1, 64>,
        /// ISO 4217, for example EUR.
        currency: Str<3, 3>,
        /// BCP 47, for example es-ES.
        locale: Option<Str<2, 35>>,
        /// What it begins with; all but blank need the module Templates.
        template: Template = Template::Blank,
        write: In<WriteArgs>,
    }
}

/// `create_organization`.
pub fn create(args: CreateOrganization, view: &View<'_>) -> Result<Plan, Rejection> {
    if !view.caller.is_human() {
        return Err(
            Rejection::new("agent_not_allowed", "only a human may found an organisation")
                .hint("ask your sponsor to found it, then ask for a token there"),
        );
    }
    if args.template != Template::Blank {
        return Err(Rejection::not_yet("template", "Templates"));
    }
    check_timezone(&args.timezone)?;
    check_currency(&args.currency)?;
    let slug = match &args.slug {
        Some(slug) => slug.0.clone(),
        None => text::slug(&args.name),
    };
    check_slug(view, &slug)?;
    let me = view.me()?;
    let mut plan = Plan::new(format!("Found organisation \"{}\" at {slug}", args.name.0));
    let (organization, owner) = found(
        &mut plan,
        view,
        &Founding {
            name: args.name.0.clone(),
            slug: slug.clone(),
            timezone: args.timezone.0,
            currency: args.currency.0,
            locale: args.locale.map(|locale| locale.0),
            owner: (me.display_name.clone(), me.handle.clone(), me.email.clone()),
        },
    )?;
    plan.detail("slug", &slug);
    plan.detail("owner", format!("@{}", me.handle));
    plan.detail("roles", ROLES.map(|(name, ..)| name));
    plan.detail("workflow", STATES.map(|(name, ..)| name));
    plan.detail("calendar", "none yet: the module Calendar has not landed");
    plan.detail("confirmPolicy", json!({"default": ConfirmPolicy::default()}));
    plan.warn("this token stays with its own organisation; an operator makes one for the new owner with `orkestra token create --member`");
    plan.undo = Undo::Never("close it with manage_organization instead");
    plan.risk = Some(Risk::Medium);
    plan.result = json!({"id": organization.to_string(), "name": args.name.0, "slug": slug, "owner": owner.to_string(), "version": 1});
    Ok(plan)
}

/// Whether a time zone is one of the IANA database.
pub fn check_timezone(name: &str) -> Result<(), Rejection> {
    jiff::tz::TimeZone::get(name).map(drop).map_err(|_| {
        Rejection::argument(
            "timezone",
            format!("must be an IANA time zone such as Europe/Madrid, not `{name}`"),
        )
    })
}

/// Whether a currency looks like ISO 4217: three capital letters.
pub fn check_currency(code: &str) -> Result<(), Rejection> {
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(Rejection::argument(
            "currency",
            format!("must be an ISO 4217 code such as EUR, not `{code}`"),
        ))
    }
}

/// Refuses a slug that any organisation of the instance has or had, and names free ones.
pub fn check_slug(view: &View<'_>, slug: &str) -> Result<(), Rejection> {
    let taken = |wanted: &str| {
        view.state
            .table::<Organization>()
            .into_iter()
            .flat_map(crate::kernel::table::Table::rows)
            .any(|row| row.slug == wanted || row.old_slugs.iter().any(|old| old == wanted))
    };
    if slug.is_empty() {
        return Err(Rejection::argument(
            "slug",
            "must be given, because none can be made from the name",
        ));
    }
    if !taken(slug) {
        return Ok(());
    }
    let free: Vec<String> = (2..)
        .map(|number: u32| format!("{slug}-{number}"))
        .filter(|slug| !taken(slug))
        .take(3)
        .collect();
    Err(Rejection::new("slug_taken", format!("the slug `{slug}` is taken"))
        .field("slug")
        .allowed(free)
        .hint("take one of the free ones, or another"))
}
