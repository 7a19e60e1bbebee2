//! Rows beside the journal: the same whatever the rounds were, found again after a restart, and never believed when spoilt.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use projections::Record;
use projections::store::{
    Doubt, Facets, Index, Mark, Memory, Opened, Reading, Round, Rows, Shelf, Stand, Store, Understand, Wanted, open,
};
use proptest::prelude::*;

fn record(seq: u64) -> String {
    let (tool, second) = (seq % 3, seq % 60);
    format!(
        r#"{{"seq":{seq},"v":1,"at":"2026-11-24T10:{:02}:{second:02}Z","actor":{{"kind":"agent","principalId":"mbr_{}","via":"mcp"}},"events":[{{"type":"call.answered","v":1,"data":{{"tool":"tool_{tool}","args":{{}}}}}}]}}"#,
        (seq / 60) % 60,
        seq % 2
    )
}

fn round(seqs: impl IntoIterator<Item = u64>) -> Round {
    let mut round = Round::default();
    for seq in seqs {
        round.record(seq, &record(seq), &|_| None).unwrap();
        round.row("task", &format!("tsk_{}", seq % 7), Some(format!(r#"{{"seq":{seq}}}"#)));
        round.mark(&format!("act_{}", seq % 5), (seq % 2 == 0).then_some(Mark::Pending));
    }
    round
}

fn found(rows: &Rows, by: &[(Index, &str)], from: u64) -> Vec<u64> {
    let by: Vec<_> = by.iter().map(|(index, value)| (*index, (*value).to_owned())).collect();
    let (mut all, mut next, upto) = (Vec::new(), from, rows.position());
    while let Some(more) = rows.find(&by, next, upto).unwrap() {
        next = more.last().unwrap() + 1;
        all.extend(more);
    }
    all
}

#[test]
fn records_are_found_across_buckets() {
    let mut store = Store::new(Arc::new(Memory::default()), "p", "j");
    for first in (1..=10_000).step_by(1000) {
        store.write(round(first..first + 1000), true).unwrap();
    }
    let both = [(Index::Tool, "tool_1"), (Index::Actor, "mbr_1")];
    let expected: Vec<u64> = (4000..=10_000).filter(|seq| seq % 3 == 1 && seq % 2 == 1).collect();
    assert_eq!(found(&store.rows(), &both, 4000), expected);
    assert!(found(&store.rows(), &[(Index::Tool, "tool_9")], 1).is_empty());
    let (position, counts) = store.rows().counts("").unwrap();
    let counted: u64 = counts.iter().map(|count| count.count).sum();
    assert_eq!((position, counted), (10_000, 10_000));
    let by = [(Index::Tool, "tool_1".to_owned())];
    assert_eq!(store.rows().find(&by, 5, 12).unwrap(), Some(vec![7, 10]));
    let since = store.rows().since("2026-11-24T10:02:30Z".parse().unwrap()).unwrap();
    assert_eq!(since, Some(120));
}

#[test]
fn each_organisation_has_its_own_counters() {
    let mut store = Store::new(Arc::new(Memory::default()), "p", "j");
    let mut round = Round::default();
    for (seq, org) in [(1, "org_1"), (2, "org_10"), (3, "org_1")] {
        let text = record(seq).replace(r#""v":1,"at""#, &format!(r#""v":1,"org":"{org}","at""#));
        round.record(seq, &text, &|_| None).unwrap();
    }
    store.write(round, true).unwrap();
    let counted = |org: &str| -> u64 {
        let (_, counts) = store.rows().counts(org).unwrap();
        counts.iter().map(|count| count.count).sum()
    };
    assert_eq!([counted("org_1"), counted("org_10"), counted("")], [2, 1, 0]);
}

#[test]
fn a_round_that_leaves_records_out_is_refused() {
    let mut store = Store::new(Arc::new(Memory::default()), "p", "j");
    assert!(store.write(round(2..5), true).is_err());
    assert_eq!(store.stand().position, 0);
    let mut round = round(1..3);
    assert!(round.record(4, &record(4), &|_| None).is_err());
    assert!(round.record(3, &record(3), &|_| None).is_ok());
}

#[test]
fn actions_are_marked_while_they_wait() {
    let mut store = Store::new(Arc::new(Memory::default()), "p", "j");
    let marked = |store: &Store, wanted| -> Vec<String> {
        let (_, all) = store.rows().marked().unwrap();
        let its = all.into_iter().filter(|(_, mark)| *mark == wanted);
        its.map(|(id, _)| id).collect()
    };
    let mut round = round(1..2);
    round.mark("act_a", Some(Mark::Pending));
    round.mark("act_b", Some(Mark::Executing));
    store.write(round, true).unwrap();
    assert_eq!(marked(&store, Mark::Pending), ["act_a"]);
    assert_eq!(marked(&store, Mark::Executing), ["act_b"]);
    let mut round = Round::default();
    round.mark("act_a", Some(Mark::Executing));
    round.mark("act_b", None);
    store.write(round, true).unwrap();
    assert!(marked(&store, Mark::Pending).is_empty());
    assert_eq!(marked(&store, Mark::Executing), ["act_a"]);
}

#[test]
fn a_record_is_found_by_all_that_it_names() {
    let text = r#"{"v":1,"at":"2026-11-24T10:00:00Z","org":"org_1",
        "actor":{"kind":"agent","principalId":"mbr_1","tokenId":"tok_1","via":"mcp"},"events":[
        {"type":"action.confirmed","v":1,"data":{"action":"act_01m8638rk31mjfdrqnfheptmka"}},
        {"type":"confirm.refused","v":1,"data":{"action":"no action"}},
        {"type":"task.renamed","v":1,"change":{"entity":"task","id":"tsk_1","version":2,"op":"update","fields":{}}},
        {"type":"limits.refused","v":1,"data":{"tool":"not_a_call"}}]}"#;
    let mut room = String::new();
    let record = Record::parse(1, text, &mut room).unwrap();
    let id = "act_01M8638RK31MJFDRQNFHEPTMKA";
    let tool_of = |action: &str| action.eq_ignore_ascii_case(id).then(|| "update_task".to_owned());
    let facets = Facets::of(&record, &tool_of);
    for (index, value) in [
        (Index::Actor, "mbr_1"),
        (Index::Actor, "tok_1"),
        (Index::Action, id),
        (Index::Action, "no action"),
        (Index::Tool, "update_task"),
        (Index::Entity, "tsk_1"),
        (Index::Event, "task.renamed"),
        (Index::Event, "limits.refused"),
    ] {
        assert!(facets.has(index, value), "{index:?} {value}");
    }
    assert!(!facets.has(Index::Tool, "not_a_call"));
    let touched: Vec<_> = facets
        .touched
        .iter()
        .map(|(kind, id)| (kind.as_str(), id.as_str()))
        .collect();
    assert_eq!(
        touched,
        [("action", id), ("owed", "owed"), ("task", "tsk_1"), ("used", "tok_1")]
    );
    assert_eq!(
        facets.calls,
        [("update_task".to_owned(), "action.confirmed".to_owned())]
    );
}

#[test]
fn a_value_of_any_length_with_any_letters_is_one_key() {
    let long = format!("a\u{0}b{}", "ä".repeat(500));
    let text = record(1).replace("tool_1", &long.replace('\u{0}', "\\u0000"));
    let mut round = Round::default();
    round.record(1, &text, &|_| None).unwrap();
    let memory = Arc::new(Memory::default());
    let mut store = Store::new(memory.clone(), "p", "j");
    store.write(round, true).unwrap();
    assert_eq!(found(&store.rows(), &[(Index::Tool, &long)], 1), [1]);
    let (_, counts) = store.rows().counts("").unwrap();
    assert_eq!((counts[0].event.as_str(), counts[0].count), ("call.answered", 1));
    assert!(memory.scan(b"", b"").all(|pair| pair.unwrap().0.len() < 200));
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_the_rounds(cuts in prop::collection::btree_set(1u64..200, 0..20)) {
        let (apart, whole) = (Arc::new(Memory::default()), Arc::new(Memory::default()));
        let mut store = Store::new(apart.clone(), "p", "j");
        let mut next = 1;
        for end in cuts.into_iter().chain([200]) {
            store.write(round(next..=end), true).unwrap();
            next = end + 1;
        }
        Store::new(whole.clone(), "p", "j").write(round(1..=200), true).unwrap();
        let all = |memory: &Memory| -> Vec<_> {
            Shelf::scan(memory, b"", b"").map(Result::unwrap).collect()
        };
        // The row that says where the store stands is one of them, its seal included.
        prop_assert_eq!(all(&apart), all(&whole));
    }
}

#[derive(Default)]
struct Taken(Vec<String>);

impl Reading for Taken {
    type Row = String;

    fn stands(&mut self, _: &Stand) -> Result<(), String> {
        Ok(())
    }

    fn understand(&self) -> Understand<String> {
        Box::new(|kind, id, text| Ok(format!("{kind} {id} {text}")))
    }

    fn row(&mut self, row: String) -> Result<(), String> {
        self.0.push(row);
        Ok(())
    }
}

fn wanted() -> Wanted {
    Wanted {
        program: "p".to_owned(),
        journal: "j".to_owned(),
        patience: Duration::from_secs(3),
    }
}

fn opened(dir: &Path) -> (Opened, Taken) {
    let mut taken = Taken::default();
    (open(dir, &wanted(), &mut taken).unwrap(), taken)
}

fn filled(dir: &Path, whole: bool) {
    let (mut first, _) = opened(dir);
    assert!(!first.believed && first.doubt.is_none());
    first.store.write(round(1..=500), whole).unwrap();
    first.store.flush().unwrap();
}

#[test]
fn what_was_written_is_handed_over_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), true);
    let (again, taken) = opened(dir.path());
    assert!(again.believed, "{:?}", again.doubt);
    assert_eq!((again.store.stand().position, taken.0.len()), (500, 7));
    assert_eq!(taken.0[0], r#"task tsk_0 {"seq":497}"#);
}

#[test]
fn what_is_not_of_this_program_and_journal_or_not_finished_begins_anew() {
    for (program, journal, whole) in [("q", "j", true), ("p", "k", true), ("p", "j", false)] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), whole);
        let wanted = Wanted {
            program: program.to_owned(),
            journal: journal.to_owned(),
            ..wanted()
        };
        let again = open(dir.path(), &wanted, &mut Taken::default()).unwrap();
        assert!(!again.believed);
        let doubt = again.doubt.unwrap();
        assert!(
            matches!(doubt, Doubt::Program(_) | Doubt::Journal(_) | Doubt::Unfinished),
            "{doubt}"
        );
        assert_eq!(again.store.stand().position, 0);
    }
}

#[test]
fn a_damaged_file_is_found_or_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), true);
    let file = dir.path().join("rows-1/db");
    let good = fs::read(&file).unwrap();
    let (_, rows) = opened(dir.path());
    let mut all = vec![Vec::new(), vec![0xa5; good.len()], good[..good.len() / 2].to_vec()];
    // Bits at places spread over the part that is in use.
    let used = good.iter().rposition(|byte| *byte != 0).unwrap();
    all.extend((0..24).map(|nth| {
        let mut flipped = good.clone();
        flipped[used * nth / 24] ^= 1 << (nth % 8);
        flipped
    }));
    for spoilt in all {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), true);
        fs::write(dir.path().join("rows-1/db"), spoilt).unwrap();
        let (again, taken) = opened(dir.path());
        assert!(!again.believed || taken.0 == rows.0, "{:?}", again.doubt);
        assert_eq!(again.store.stand().position == 500, again.believed);
    }
}
