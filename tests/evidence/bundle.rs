//! Bundles: exported beside a server and without one, checked where there is nothing but the file and the key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use journal::{Journal, Log as _, Look, Options, SigningKey, Statement, VerifyingKey};
use orkestra::audit::evidence::{self, Bundle, Step, What};
use serde_json::{Value, json};

use super::{bad, good, newest, project, public_key, text};
use crate::server::Server;

/// Checks a file in a directory that holds nothing else, with an empty environment.
fn verify(file: &Path, more: &[&str]) -> Output {
    let empty = tempfile::tempdir().unwrap();
    std::fs::copy(file, empty.path().join("evidence.json")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    let command = command
        .env_clear()
        .current_dir(empty.path())
        .args(["evidence", "verify", "evidence.json"]);
    let said = command.args(more).output().unwrap();
    let left: Vec<_> = std::fs::read_dir(empty.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "it wrote something");
    said
}

/// Security test 58: a bundle is exported beside the running server, that is journaled, and the bundle verifies with only the
/// public key.
#[test]
fn an_export_verifies_offline_and_is_journaled() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    project(&server, "ONE");
    let action = project(&server, "TWO");
    let file = dir.path().join("two.json");
    let name = file.to_str().unwrap();
    let export = ["evidence", "export", "--action", &action, "--out", name, "--json"];
    let told: Value = serde_json::from_str(&good(dir.path(), &export)).unwrap();
    assert_eq!(told["records"], 2, "proposed and confirmed: {told}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let key = public_key(dir.path());
    let said = verify(&file, &["--key", &key, "--json"]);
    assert!(said.status.success(), "{}", text(&said.stderr));
    let proven: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (
            &proven["ok"],
            &proven["keyTrustedFromFile"],
            &proven["what"],
            &proven["digest"]
        ),
        (&json!(true), &json!(false), &json!({"action": action}), &told["digest"])
    );
    let record = newest(dir.path(), "evidence.exported");
    let facts = &record["events"][0]["data"];
    assert_eq!(
        (&facts["digest"], &facts["about"], &facts["records"], &record["seq"]),
        (&proven["digest"], &json!(action), &json!(2), &proven["exportRecord"]),
        "{record}"
    );
    assert!(
        record["actor"]["principalId"].is_string() && record["actor"]["via"] == "cli",
        "{record}"
    );

    let trusting = text(&verify(&file, &["--trust-file-key"]).stdout);
    assert!(
        trusting.starts_with("agrees with itself:") && trusting.contains("stands in the file itself and was believed"),
        "{trusting}"
    );
    let untold = verify(&file, &["--json"]);
    let said: Value = serde_json::from_slice(&untold.stdout).unwrap();
    assert_eq!(
        (untold.status.code(), &said["ok"], &said["part"]),
        (Some(1), &json!(false), &json!("key"))
    );
    assert!(
        text(&verify(&file, &[]).stderr).contains("nothing is proven: the key stands in the file itself"),
        "without a key nothing is good"
    );
    let page = text(&verify(&file, &["--key", &key, "--page"]).stdout);
    assert!(
        page.contains("What it does not prove:") && page.contains(&action),
        "{page}"
    );
    server.stop();
}

#[test]
fn a_range_is_exported_without_a_server_and_nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    project(&server, "ONE");
    server.stop();
    let file = dir.path().join("range.json");
    let name = file.to_str().unwrap();
    let export = ["evidence", "export", "--from", "2", "--to", "5", "--out", name];
    good(dir.path(), &export);
    let before = std::fs::read(&file).unwrap();
    let exports = || {
        good(dir.path(), &["journal", "export"])
            .matches("evidence.exported")
            .count()
    };
    assert_eq!(exports(), 1);
    let said = bad(dir.path(), &export);
    assert!(said.contains("is there already"), "{said}");
    assert_eq!(
        (std::fs::read(&file).unwrap(), exports()),
        (before, 1),
        "and nothing was journaled"
    );

    let key = public_key(dir.path());
    let said = verify(&file, &["--key", &key]);
    assert!(
        text(&said.stdout).starts_with("good: records 2 to 5, 4 records"),
        "{}",
        text(&said.stdout)
    );
    let bundle: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let lines: Vec<&str> = bundle["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    let range = good(dir.path(), &["journal", "export", "--from", "2", "--to", "5"]);
    assert_eq!(lines, range.lines().collect::<Vec<_>>(), "letter by letter");

    let other = journal::SigningKey::generate("orkestra")
        .unwrap()
        .verifying_key()
        .unwrap();
    let said = verify(&file, &["--key", other.encode()]);
    assert_eq!(said.status.code(), Some(1));
    assert!(
        text(&said.stderr).contains("key: the file names"),
        "{}",
        text(&said.stderr)
    );
    let said = verify(&file, &["--key", "nonsense"]);
    assert_eq!(said.status.code(), Some(1), "{}", text(&said.stderr));

    let none = bad(
        dir.path(),
        &["evidence", "export", "--from", "3", "--to", "999", "--out", "x"],
    );
    assert!(none.contains("is no range of records"), "{none}");
    let nobody = "act_01JZZZZZZZZZZZZZZZZZZZZZZZ";
    let none = bad(dir.path(), &["evidence", "export", "--action", nobody, "--out", "x"]);
    assert!(none.contains("no record concerns action"), "{none}");
}

/// The part that is found, what was done to the bundle, and how its seal ends.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Bundle), &'a str);

/// A bundle that somebody else made, under a key of their own.
fn forged(bundle: &Bundle, alter: &dyn Fn(&mut Bundle), exported: &str) -> (Bundle, VerifyingKey) {
    let (key, mut forged) = (SigningKey::generate("orkestra").unwrap(), bundle.clone());
    let public = key.verifying_key().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), Options::default(), "orkestra").unwrap();
    let body = r#"{"v":1,"at":"2026-11-26T06:27:28.81Z","actor":{"kind":"system","via":"system"},"events":[]}"#;
    let (done, durable) = std::sync::mpsc::channel();
    let done = Box::new(move |said| drop(done.send(said)));
    journal.append(vec![body.to_owned()], done).unwrap();
    durable.recv().unwrap().unwrap();
    let signed = journal.checkpoint(&key).unwrap();
    let what = What::Range { from: 1, to: 1 };
    let look = Look::at(dir.path(), 16 << 20).unwrap();
    let mut steps = Vec::new();
    forged = evidence::gather(&look, &signed, public.encode(), what, &mut |step| steps.push(step))
        .map(|made| Bundle {
            seal: forged.seal,
            ..made
        })
        .unwrap();
    assert_eq!(
        steps.last(),
        Some(&Step::Proven(1, 1)),
        "the bar moves while proofs are made"
    );
    alter(&mut forged);
    let mut stated = forged.contents().unwrap().lines().to_vec();
    stated.push(format!("exported {exported}"));
    forged.seal = Statement::sign(&key, "orkestra.evidence/1", &stated).unwrap().note;
    (forged, public)
}

/// What a forger may choose is not printed as it is: no page of their own, no names, nothing that hides what stands beside it.
#[test]
fn a_bundle_cannot_dress_itself_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let action = project(&server, "ONE");
    server.stop();
    let file = dir.path().join("one.json");
    let name = file.to_str().unwrap();
    good(dir.path(), &["evidence", "export", "--action", &action, "--out", name]);
    let bundle: Bundle = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let good_end = "7 2026-11-26T06:27:28.81Z mbr_1 via cli";
    let (as_it_is, key) = forged(&bundle, &|_| (), good_end);
    evidence::verify(as_it_is.text().unwrap().as_bytes(), Some(&key)).unwrap();
    let cases: [Case<'_>; 7] = [
        (
            "page",
            &|bundle| bundle.page[0] = "ALL OF THIS IS TRUE".to_owned(),
            good_end,
        ),
        ("page", &|bundle| bundle.page.push("\u{1b}[2J".to_owned()), good_end),
        (
            "selection",
            &|bundle| bundle.selection.journal = "\u{1b}[1A".to_owned(),
            good_end,
        ),
        (
            "selection",
            &|bundle| bundle.selection.journal = "the true one".to_owned(),
            good_end,
        ),
        ("seal", &|_| (), "7 2026-11-26T06:27:28.81Z mbr_1\u{9b}8m via cli"),
        ("seal", &|_| (), "7 2026-11-26T06:27:28.81Z mbr_1\u{202e} via cli"),
        ("seal", &|_| (), "7 yesterday mbr_1 via cli"),
    ];
    for (part, alter, end) in cases {
        let (forged, key) = forged(&bundle, alter, end);
        let fault = evidence::verify(forged.text().unwrap().as_bytes(), Some(&key)).unwrap_err();
        assert_eq!(fault.part, part, "{fault}");
        assert!(!fault.why.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{fault:?}");
    }
    let mut named = as_it_is;
    named.format = "orkestra\u{1b}[2J".to_owned();
    let fault = evidence::verify(named.text().unwrap().as_bytes(), Some(&key)).unwrap_err();
    assert!(fault.part == "form" && fault.why.contains("\\u{1b}"), "{fault:?}");
}
