//! Who takes part in a story.

use orkestra::kernel::engine::bootstrap;
use orkestra::kernel::identity::{Member, MemberKind, OutOfOffice, Role};
use orkestra::kernel::{Caller, Plan, View};
use orkestra::modules::organizations::founding::{Founding, found};
use projections::{Actor, ActorKind, Id};

use super::Story;

impl Story {
    /// Founds an organisation whose owner is `owner`.
    pub fn found(&mut self, slug: &str, name: &str, owner: &str) {
        let nobody = bootstrap("", Id::default());
        let seed = Id::derive(self.now, slug.as_bytes());
        let mut plan = Plan::new("Found");
        let (org, member) = {
            let view = View::new(
                self.engine.state(),
                &nobody,
                self.now,
                self.engine.registry(),
                &self.records,
                Some(seed),
            );
            let founding = Founding {
                name: name.to_owned(),
                slug: slug.to_owned(),
                timezone: "Europe/Madrid".to_owned(),
                currency: "EUR".to_owned(),
                locale: None,
                owner: (owner.to_owned(), owner.to_owned(), Some(format!("{owner}@example.com"))),
            };
            found(&mut plan, &view, &founding).unwrap()
        };
        let text = self
            .engine
            .operate(Actor::system(), org.to_string(), &plan, self.now)
            .unwrap();
        self.records.0.push(text);
        self.know(owner, org.to_string(), member, ActorKind::Human, None);
    }

    fn know(&mut self, name: &str, org: String, member: Id<Member>, kind: ActorKind, sponsor: Option<Id<Member>>) {
        let caller = Caller {
            org,
            member,
            kind,
            sponsor,
            token: None,
            client: None,
            via: "mcp",
            trace: None,
        };
        self.people.insert(name.to_owned(), caller);
    }

    /// Adds an active human with a built-in role.
    pub fn human(&mut self, name: &str, role: &str) -> Id<Member> {
        self.member(name, role, MemberKind::Human, None)
    }

    /// Adds an active agent with a built-in role, answered for by `sponsor`.
    pub fn agent(&mut self, name: &str, role: &str, sponsor: &str) -> Id<Member> {
        let sponsor = self.people[sponsor].member;
        self.member(name, role, MemberKind::Agent, Some(sponsor))
    }

    /// Somebody is away, and who stands in.
    pub fn away(&mut self, name: &str, from: &str, to: &str, instead: &str) {
        let (who, delegate) = (self.people[name].member, self.people[instead].member);
        let away = OutOfOffice {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            delegate: Some(delegate),
        };
        self.operate(|view| {
            let mut plan = Plan::new("Away");
            plan.edit("member.updated", view.need(who)?, |member| {
                member.out_of_office = Some(away);
            })?;
            Ok(plan)
        })
        .unwrap();
    }

    /// Knows somebody by handle who came in through a tool, as `name`.
    pub fn joined(&mut self, name: &str, handle: &str) {
        let org = self.people["ana"].org.clone();
        let row = {
            let table = self.engine.state().table::<Member>().unwrap();
            let found: Vec<_> = table.find(&org, "name", &format!("@{handle}")).cloned().collect();
            assert_eq!(found.len(), 1, "there is one @{handle}");
            found[0].clone()
        };
        self.know(name, org, row.id, row.actor_kind(), row.sponsor);
    }

    /// Says with what program somebody calls.
    pub fn uses(&mut self, name: &str, client: &str) {
        let caller = self.people.get_mut(name).unwrap();
        caller.client = Some(client.to_owned());
    }

    fn member(&mut self, name: &str, role: &str, kind: MemberKind, sponsor: Option<Id<Member>>) -> Id<Member> {
        let org = self.people["ana"].org.clone();
        let roles: Vec<Id<Role>> = {
            let table = self.engine.state().table::<Role>().unwrap();
            table.find(&org, "name", role).map(|row| row.id).collect()
        };
        assert_eq!(roles.len(), 1, "there is one role {role}");
        let id = Id::derive(self.now, name.as_bytes());
        let mut plan = Plan::new("Join");
        let email = (kind == MemberKind::Human).then(|| format!("{name}@example.com"));
        let member = Member {
            kind,
            display_name: name.to_owned(),
            handle: name.to_owned(),
            email,
            sponsor,
            roles,
            ..Member::default()
        };
        plan.create("member.joined", id, member).unwrap();
        let text = self
            .engine
            .operate(Actor::system(), org.clone(), &plan, self.now)
            .unwrap();
        self.records.0.push(text);
        let kind = if kind == MemberKind::Human {
            ActorKind::Human
        } else {
            ActorKind::Agent
        };
        self.know(name, org, id, kind, sponsor);
        id
    }
}
