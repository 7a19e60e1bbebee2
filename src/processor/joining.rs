//! What operators do that no tool does: letting an invited member in.

use projections::{Actor, Id};

use super::Handle;
use crate::kernel::engine::Refused;
use crate::kernel::identity::Member;
use crate::kernel::{Caller, Plan, Rejection, View};
use crate::modules::organizations::invitation;

impl Handle {
    /// Lets an invited member in, recorded as done at the command line.
    ///
    /// # Errors
    /// `not_found`, or `not_invited` where no invitation is good any more.
    pub async fn join(&self, operator: &Caller, member: Id<Member>) -> Result<(), Rejection> {
        let caller = operator.clone();
        let joined = self.ask(move |engine, now, past| {
            let planned = {
                let view = View::new(engine.state(), &caller, now, engine.registry(), past, None);
                let mut plan = Plan::new("Join");
                view.need(member)
                    .and_then(|row| invitation::accept(&mut plan, &view, row))
                    .map(|()| plan)
            };
            let actor = Actor {
                via: caller.via.into(),
                ..Actor::system()
            };
            match planned.map(|plan| engine.operate(actor, caller.org.clone(), &plan, now)) {
                Err(no) => Ok((Vec::new(), Err(no))),
                Ok(Err(Refused::No(no))) => Ok((Vec::new(), Err(*no))),
                Ok(Err(Refused::Unfit(unfit))) => Err(unfit),
                Ok(Ok(text)) => Ok((vec![text], Ok(()))),
            }
        });
        joined.await?
    }
}
