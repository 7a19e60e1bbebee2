//! How an instance goes from step to step. It works on a copy and keeps what it was after each event; a plan takes it over.

use jiff::SignedDuration;
use projections::Id;
use serde_json::{Map, Value, json};

use super::conditions;
use super::entity::{Approval, Assignees, Definition, Step, StepKind};
use super::instance::{Active, Instance, InstanceStatus, Passed, Said, Slot, Vote};
use super::people::{ASKED_MAX, handle, is_program, named, person, stand_in};
use super::tally::{Tally, Verdict};
use super::{hours, nested, people, watched};
use crate::kernel::authority::held;
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Rejection, Row, View, text};
use crate::modules::automation;

/// Most steps that follow one another without anybody doing anything.
const AT_ONCE_MAX: usize = 60;
/// Most entries of what was said that an instance keeps.
pub const SAID_MAX: usize = 500;
/// Bytes of notes after which an instance keeps only their beginnings: all of it stands in every record of a vote.
pub const NOTES_MAX: usize = 100_000;

/// An instance on its way.
pub struct Flow<'a, 'v> {
    pub(super) view: &'a View<'v>,
    definition: &'a Definition,
    /// As it is now.
    pub instance: Instance,
    events: Vec<(&'static str, Instance)>,
    /// What its steps began, with the rows that it will have.
    pub(super) inner: Vec<(Row<Instance>, Self)>,
    /// How many processes it is in, at least.
    pub(super) depth: usize,
    /// What its step had begun and what ends in the same action.
    pub(super) ending: Option<Id<Instance>>,
}

impl<'a, 'v> Flow<'a, 'v> {
    /// An instance as it stands.
    pub fn new(view: &'a View<'v>, definition: &'a Definition, instance: Instance) -> Self {
        Self {
            view,
            definition,
            instance,
            events: Vec::new(),
            inner: Vec::new(),
            depth: 0,
            ending: None,
        }
    }

    /// Says what happened.
    pub fn say(&mut self, event: &'static str) {
        self.events.push((event, self.instance.clone()));
    }

    /// Writes down what somebody said or did.
    pub fn note(&mut self, step: &str, by: Option<Id<Member>>, act: &str, note: Option<&str>) {
        let full = self.noted() > NOTES_MAX;
        let said = Said {
            step: step.to_owned(),
            by,
            act: act.to_owned(),
            note: note.map(|note| if full { text::clip(note, 200) } else { note.to_owned() }),
            at: self.view.now,
        };
        if self.instance.decisions.len() < SAID_MAX {
            self.instance.decisions.push(said);
        }
    }

    /// Bytes of what was said.
    pub fn noted(&self) -> usize {
        let notes = self.instance.decisions.iter().filter_map(|said| said.note.as_ref());
        notes.map(String::len).sum()
    }

    /// Plans everything that happened to a row.
    pub fn into_plan(self, plan: &mut Plan, row: &Row<Instance>) -> Result<Instance, Rejection> {
        for (event, after) in self.events {
            plan.edit(event, row, |instance| {
                let parent = instance.parent;
                *instance = Instance { parent, ..after };
            })?;
        }
        let child = |instance: &Instance| instance.active.as_ref().and_then(|active| active.child);
        let left = child(row).filter(|left| child(&self.instance) != Some(*left) && self.ending != Some(*left));
        nested::called_off(plan, self.view, left)?;
        for (mut new, inner) in self.inner {
            new.entity.parent = Some(row.id);
            plan.create("process.started", new.id, new.entity.clone())?;
            inner.into_plan(plan, &new)?;
        }
        nested::goes_on(plan, self.view, row, &self.instance)?;
        Ok(self.instance)
    }

    /// The step that is being done.
    pub fn step(&self) -> Option<&'a Step> {
        self.definition.step(&self.instance.active.as_ref()?.step)
    }

    /// Begins a step, and goes on through those that nobody has to do anything for.
    pub fn enter(&mut self, id: &str) {
        let mut next = id.to_owned();
        for _ in 0..AT_ONCE_MAX {
            let Some(step) = self.definition.step(&next) else {
                return self.fail(&format!("there is no step {next}"));
            };
            if step.kind != StepKind::Gateway {
                return self.begin(step);
            }
            match self.exit(step) {
                Ok(Some(to)) => next = to,
                Ok(None) => return self.fail(&format!("no way leads out of {next}")),
                Err(why) => return self.fail(&why),
            }
        }
        self.fail("the steps go round in a circle");
    }

    fn begin(&mut self, step: &Step) {
        let now = self.view.now;
        let due = match step.kind {
            StepKind::Wait => now.checked_add(SignedDuration::from_secs(step.wait.unwrap_or(0))).ok(),
            _ => step.deadline.map(|seconds| hours::after(self.view, now, seconds)),
        };
        let mut active = Active {
            step: step.id.clone(),
            since: now,
            due,
            saw: watched::seen(self.view, self.instance.subject.as_deref(), &step.watch_fields),
            ..Active::default()
        };
        if matches!(step.kind, StepKind::Approval | StepKind::Task) {
            active.slots = self.slots(step, step.assignees.as_ref());
            if active.slots.is_empty() {
                active.slots = self.slots(step, step.escalate_to.as_ref());
            }
        }
        let nobody = active.slots.is_empty() && matches!(step.kind, StepKind::Approval | StepKind::Task);
        let few = step.kind == StepKind::Approval && self.outcome(step, &active.slots) == Verdict::Rejected;
        self.instance.active = Some(active);
        if step.kind == StepKind::Subprocess {
            return self.nest(step);
        }
        if nobody {
            return self.fail(&format!("nobody may decide in {}", step.id));
        }
        // Whoever would be asked when nobody answers is asked at once where too few could.
        if few && !(super::doing::escalate(self, step) && self.verdict(step) == Verdict::Open) {
            return self.fail(&format!("too few may decide in {}", step.id));
        }
        self.say("process.step_entered");
    }

    /// Those who may decide in a step by a rule, each with who stands in for them today.
    pub fn slots(&self, step: &Step, rule: Option<&Assignees>) -> Vec<Slot> {
        let Some(rule) = rule else { return Vec::new() };
        let slots = self.asked(step, rule, true);
        // Where one person would speak for too many, those who are away keep their own word.
        if step.kind == StepKind::Approval && self.outcome(step, &slots) == Verdict::Rejected {
            return self.asked(step, rule, false);
        }
        slots
    }

    fn asked(&self, step: &Step, rule: &Assignees, with_stand_ins: bool) -> Vec<Slot> {
        let blank = Approval::default();
        let approval = step.approval.as_ref().unwrap_or(&blank);
        let counts = |member: Id<Member>| step.kind == StepKind::Task || self.may_count(approval, member).is_none();
        let all = named(
            self.view,
            rule,
            self.instance.subject.as_deref(),
            self.instance.initiator,
        );
        let mut slots: Vec<Slot> = Vec::new();
        for member in all.into_iter().filter(|member| counts(*member)).take(ASKED_MAX) {
            let instead = stand_in(self.view, member).filter(|other| {
                with_stand_ins
                    && approval.allow_delegation
                    && counts(*other)
                    && *other != member
                    && may_decide(self.view, *other)
            });
            let approver = instead.unwrap_or(member);
            slots.push(Slot {
                approver,
                person: person(self.view, approver),
                delegated_from: instead.map(|_| member).into_iter().collect(),
                decision: Vote::Pending,
                escalated: false,
            });
        }
        slots
    }

    /// Why a member's vote would not count; `None` where it does.
    pub fn may_count(&self, approval: &Approval, member: Id<Member>) -> Option<&'static str> {
        let view = self.view;
        if !approval.allow_self
            && person(view, member) == person_of_initiator(view, &self.instance)
            && is_own(view, &self.instance, member)
        {
            return Some("self_approval");
        }
        (!approval.allow_agents && is_program(view, member)).then_some("agent_not_allowed")
    }

    /// Goes on after a step that is done.
    pub fn leave(&mut self, step: &Step) {
        if self.back() {
            return;
        }
        match self.exit(step) {
            Ok(Some(to)) => self.enter(&to),
            Ok(None) if step.next.is_empty() => {
                let status = if self.instance.approved {
                    InstanceStatus::Approved
                } else {
                    InstanceStatus::Completed
                };
                self.end(status, "process.completed", None);
            }
            Ok(None) => self.fail(&format!("no way leads out of {}", step.id)),
            Err(why) => self.fail(&why),
        }
    }

    /// Goes on after a no. What was approved before does not make an approval of it.
    pub fn reject(&mut self, step: &Step) {
        self.instance.approved = false;
        match &step.on_reject {
            Some(to) => self.enter(to),
            None => self.end(InstanceStatus::Rejected, "process.rejected", None),
        }
    }

    /// Ends it.
    pub fn end(&mut self, status: InstanceStatus, event: &'static str, why: Option<String>) {
        self.instance.status = status;
        self.instance.active = None;
        self.instance.why = why;
        self.say(event);
    }

    /// It cannot go on; where it stands is kept, so that it can be tried again.
    pub fn fail(&mut self, why: &str) {
        self.instance.status = InstanceStatus::Failed;
        self.instance.why = Some(why.to_owned());
        if let Some(active) = &mut self.instance.active {
            active.due = None;
        }
        self.say("process.failed");
    }

    /// Goes on where the votes of a step decide it.
    pub fn settle(&mut self, step: &Step) {
        match self.verdict(step) {
            Verdict::Open => {}
            Verdict::Passed => {
                self.instance.approved = true;
                let saw = self.instance.active.as_ref().map(|active| active.saw.clone());
                self.instance.passed.retain(|passed| passed.step != step.id);
                self.instance.passed.push(Passed {
                    step: step.id.clone(),
                    saw: saw.unwrap_or_default(),
                });
                self.leave(step);
            }
            Verdict::Rejected => self.reject(step),
        }
    }

    /// What the votes of a step come to.
    pub fn verdict(&self, step: &Step) -> Verdict {
        let active = self.instance.active.as_ref();
        self.outcome(step, active.map(|active| active.slots.as_slice()).unwrap_or_default())
    }

    /// What slots of a step come to.
    pub fn outcome(&self, step: &Step, slots: &[Slot]) -> Verdict {
        let blank = Approval::default();
        let approval = step.approval.as_ref().unwrap_or(&blank);
        let no = |slot: &&Slot| slot.decision == Vote::Rejected;
        let vetoes = |slot: &Slot| {
            let held = held(self.view.state, slot.approver, self.view.now);
            held.iter().any(|held| approval.veto_roles.contains(&held.role.id))
        };
        let ended = !approval.veto_roles.is_empty() && slots.iter().filter(no).any(vetoes);
        Tally::of(approval, slots).verdict(ended)
    }

    fn exit(&self, step: &Step) -> Result<Option<String>, String> {
        let facts = self.facts();
        for exit in &step.next {
            let Some(when) = &exit.when else {
                return Ok(Some(exit.to.clone()));
            };
            if conditions::holds(self.definition, when, &facts)? {
                return Ok(Some(exit.to.clone()));
            }
        }
        Ok(None)
    }

    /// What conditions can look at.
    pub fn facts(&self) -> Map<String, Value> {
        let subject = self.instance.subject.as_ref().and_then(|id| {
            let kind = self.view.state.kind_of(id)?;
            let fields = crate::kernel::tool::object(self.view.state.any(kind)?.fields(id)?);
            Some(automation::thing(self.view, kind, id, fields))
        });
        let facts = json!({
            "vars": self.instance.variables, "subject": subject.unwrap_or_default(),
            "initiator": handle(self.view, self.instance.initiator), "approved": self.instance.approved,
        });
        crate::kernel::tool::object(facts)
    }
}

/// Whether a member has the right to decide at all.
pub fn may_decide(view: &View<'_>, member: Id<Member>) -> bool {
    let row = view.state.table::<Member>().and_then(|table| table.get(member));
    row.is_some_and(|row| crate::kernel::authority::rights_of(view.state, row, view.now).allow("processes.write"))
}

fn person_of_initiator(view: &View<'_>, instance: &Instance) -> Id<Member> {
    people::person(view, instance.initiator)
}

/// Whether a vote would be the initiator's own, or that of an agent of theirs. A human may well decide on what an agent
/// of theirs asks for.
fn is_own(view: &View<'_>, instance: &Instance, member: Id<Member>) -> bool {
    member == instance.initiator || is_program(view, member)
}
