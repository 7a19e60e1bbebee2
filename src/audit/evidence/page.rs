//! The page in a bundle: what it proves and what it does not, for somebody who has never heard of a Merkle tree.

use super::bundle::What;
use crate::kernel::text::count;

/// The lines of the page.
pub fn page(what: &What, records: usize, size: u64) -> Vec<String> {
    let (number, all) = (
        count(records, "record"),
        count(usize::try_from(size).unwrap_or(usize::MAX), "record"),
    );
    let (which, [first, second]) = match what {
        What::Action(id) => (
            format!(
                "This file holds the {number} of an Orkestra journal that concern action {id}, from its proposal on."
            ),
            [
                "That no record about this action was left out. Whoever exported it says that these are all; the seal says",
                "  only that they were these. Ask for the range of records around it to see for yourself.",
            ],
        ),
        What::Range { from, to } => (
            format!("This file holds records {from} to {to} of an Orkestra journal, {number} without a gap."),
            [
                "Anything about the records before and after them, but that the checkpoint, as far as it reaches, is of those",
                "  too.",
            ],
        ),
    };
    let lines = [
        "EVIDENCE FROM AN ORKESTRA JOURNAL",
        "",
        &which,
        "A journal is the list of everything that was asked of the server and what came of it. Records are numbered and only",
        "ever added. Each is given here with its exact text.",
        "",
        "How to check it: `orkestra evidence verify FILE --key KEY`, on any machine, without a network. Take KEY from somewhere",
        "else than this file, such as from the people who run the server, over another way: whoever made a file chose the key",
        "in it, so against that one every file agrees with itself.",
        "",
        "What it proves, if the check succeeds and KEY is the right one:",
        &format!("- Each record is, letter by letter and under its number, among the first {all} of the journal whose"),
        "  root the checkpoint states, and the holder of the key signed that checkpoint.",
        "- Nothing in this file was changed since it was sealed with the key, this page included.",
        "- Where the key in this file is not KEY but one after it, records in this file show that each key named the next.",
        "- The export itself was recorded: the last line of the seal names the record, the hour and the person.",
        "- Two files or checkpoints under the same key that contradict each other are proof that the history was rewritten;",
        "  keep checkpoints, and have them compared: `orkestra journal prove --from CHECKPOINT`.",
        "",
        "What it does not prove:",
        &format!("- {first}"),
        second,
        "- That what a record says is true of the world. It is what the server wrote down at that time: for example what an",
        "  agent claimed to be called, or what a worker reported.",
        "- When it happened, beyond the server's own clock. A checkpoint carries no time unless a witness signed it too.",
        "- That there is no second history. Whoever holds the key can sign one; only a checkpoint that was kept elsewhere, or",
        "  a witness, shows that. The same holds for a key that was stolen, and for one that was replaced since: a file that a",
        "  thief of it seals does not tell that it was. Ask for the key that signs today, and give that.",
        "- Who a person is, beyond the member and token that the server knew.",
        "",
        "The form: a checkpoint is a signed note (C2SP tlog-checkpoint and signed-note, Ed25519). A leaf is the SHA-256 of a zero",
        "byte and the record's text, and a proof is its audit path (RFC 6962, section 2.1). The seal is a signed note over the",
        "SHA-256 of each part's compact JSON.",
    ];
    lines.map(str::to_owned).to_vec()
}
