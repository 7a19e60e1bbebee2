//! Deciding everything again, with a signed receipt of what came of it.

use std::path::Path;
use std::sync::Arc;

use journal::{Checkpoint, Log, VerifyingKey};

use super::super::evidence::{Asked, expect_new};
use super::super::operator::OperatorRequest;
use super::super::{DataArg, Failure, Outcome, block_on_value, note, progress};
use super::again;
use crate::audit::check::Report;
use crate::audit::receipt::{self, Receipt};
use crate::door::keys::write_private;
use crate::kernel::Registry;
use crate::subjects::{Ring, Sealing};

pub(super) fn signed(data: &DataArg, registry: Registry, out: &Path, as_json: bool) -> Outcome {
    expect_new(out)?;
    let (report, text, key) = block_on_value(stated(data, registry))??;
    // What is written must be what others can check.
    receipt::open(&text, &VerifyingKey::parse(&key)?).map_err(|cause| {
        Failure::new(format!("{cause}; nothing was written")).hint("where the log's key changed meanwhile, ask again")
    })?;
    write_private(out, &text).map_err(|cause| Failure::new(format!("{}: {cause}", out.display())))?;
    note(&format!(
        "the receipt is in {}; who gets it checks it with: orkestra evidence verify FILE --key '{key}'",
        out.display()
    ));
    again::told(&report, as_json)
}

/// What came of deciding again what a checkpoint of now vouches for; the signed receipt, and the key that checks it.
async fn stated(data: &DataArg, registry: Registry) -> Result<(Report, String, String), Failure> {
    let (asked, signed) = Asked::begin(data).await?;
    let made = decided(data, registry, &signed.note);
    let text = match made {
        Ok((report, receipt)) => {
            let reply = asked.ask(data, OperatorRequest::Receipt(Box::new(receipt))).await;
            reply.and_then(|note| Ok((report, serde_json::from_value::<String>(note)?)))
        }
        Err(failure) => Err(failure),
    };
    asked.end()?;
    let (report, text) = text?;
    Ok((report, text, signed.key))
}

fn decided(data: &DataArg, registry: Registry, signed: &str) -> Result<(Report, Receipt), Failure> {
    let checkpoint = Checkpoint::parse(signed)?;
    let size = checkpoint.root.size;
    let look = data.look()?;
    let bar = progress::records(size);
    let root = look.prover(size, &mut |done| bar.set_position(done))?.root(size)?;
    bar.finish_and_clear();
    if root != checkpoint.root {
        return Err(
            Failure::new("the records in the directory are not those that the log signs")
                .hint("`orkestra journal verify` tells what is altered"),
        );
    }
    let log: Arc<dyn Log> = Arc::new(Sealing::over(look, Arc::new(Ring::look(&data.dir().subjects())?)));
    let report = again::decided(&log, registry, size)?;
    let receipt = Receipt::of(&report, &checkpoint);
    Ok((report, receipt))
}
