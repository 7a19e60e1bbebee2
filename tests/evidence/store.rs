//! Archives in an object store that nobody here wrote: what is kept there is read, verified and proven as from a disk, and whatever
//! is wrong with the store, nothing is lost and nothing of the credentials is said.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

use super::{archive, text};
use crate::nats::broker::tool;
use crate::server::Server;

const PLACE: &str = "s3://records/orkestra/log";

struct Store {
    process: Child,
    answers: BufReader<ChildStdout>,
    address: String,
    key: String,
    secret: String,
}

impl Store {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/s3.py");
        let mut python = Command::new(tool("python/bin/python"));
        python.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = python.stderr(Stdio::null()).spawn().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let word = |name: &str| said[name].as_str().unwrap().to_owned();
        let (address, key, secret) = (word("address"), word("key"), word("secret"));
        Self {
            process,
            answers,
            address,
            key,
            secret,
        }
    }

    /// Changes what is kept, past the store's own door; the names of what is kept then.
    fn ask(&mut self, line: &str) -> Vec<String> {
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// The store is away for good.
    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// The program, told of the store.
    fn program(&self) -> Command {
        let mut command = archive::program();
        command
            .env("AWS_ENDPOINT", &self.address)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", &self.key)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret);
        command
    }

    fn run(&self, dir: &Path, words: &[&str], with: impl Fn(&mut Command)) -> Output {
        let mut command = self.program();
        with(&mut command);
        let said = command
            .args(words)
            .arg("--data")
            .arg(dir.join("data"))
            .output()
            .unwrap();
        let all = text(&said.stdout) + &text(&said.stderr);
        assert!(!all.contains(&self.key) && !all.contains(&self.secret), "{all}");
        said
    }

    fn good(&self, dir: &Path, words: &[&str]) -> String {
        let said = self.run(dir, words, |_| ());
        assert!(said.status.success(), "{words:?}: {}", text(&said.stderr));
        text(&said.stdout)
    }

    fn bad(&self, dir: &Path, words: &[&str]) -> String {
        self.bad_with(dir, words, |_| ())
    }

    fn bad_with(&self, dir: &Path, words: &[&str], with: impl Fn(&mut Command)) -> String {
        let said = self.run(dir, words, with);
        assert_eq!(said.status.code(), Some(1), "{words:?}: {}", text(&said.stdout));
        text(&said.stderr)
    }

    fn json(&self, dir: &Path, words: &[&str]) -> Value {
        serde_json::from_str(&self.good(dir, words)).unwrap()
    }

    /// A server with some sealed segments.
    fn filled(&self, dir: &Path) -> Server {
        let server = Server::start_as(dir, &mut self.program());
        archive::fill(dir, &server);
        server
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.end();
    }
}

fn served(server: &Server) -> (u16, String) {
    let bearer = format!("Bearer {}", server.token);
    let headers = [("authorization", bearer.as_str())];
    let (status, _, body) = server.raw("GET", "/v1/journal?from=1", &headers, b"").unwrap();
    let first = body.lines().filter(|line| line.starts_with('{')).take(3);
    (status, first.collect())
}

fn plain(dir: &Path) -> usize {
    let names = std::fs::read_dir(dir.join("data/journal")).unwrap();
    let names = names.map(|entry| entry.unwrap().path());
    names
        .filter(|path| path.extension().is_some_and(|kind| kind == "log"))
        .count()
}

/// Neither in the journal nor in the log.
fn nothing_of_credentials(store: &Store, dir: &Path) {
    let names = std::fs::read_dir(dir.join("data/journal")).unwrap();
    let files = names.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    for file in files.chain([dir.join("serve.log")]) {
        let bytes = std::fs::read(&file).unwrap();
        for word in [&store.key, &store.secret] {
            let found = bytes.windows(word.len()).any(|part| part == word.as_bytes());
            assert!(!found, "{}", file.display());
        }
    }
}

#[test]
fn what_a_bucket_keeps_is_served_replayed_proven_and_verified() {
    let (dir, mut store) = (tempfile::tempdir().unwrap(), Store::start());
    let dir = dir.path();
    let server = store.filled(dir);
    let (all, before) = (store.good(dir, &["journal", "export"]), served(&server));
    assert_eq!(before.0, 200, "{}", before.1);
    let done = store.json(dir, &["journal", "archive", "--to", PLACE, "--remove", "--json"]);
    assert_eq!(done["target"], json!(PLACE));
    assert!(done["segments"].as_u64() > Some(1), "{done}");
    assert_eq!(
        (done["removed"].as_array().unwrap().len() as u64, plain(dir)),
        (done["segments"].as_u64().unwrap(), 1)
    );
    assert_eq!(store.ask("list").len() as u64, done["segments"].as_u64().unwrap() + 1);
    assert_eq!(served(&server), before);
    assert!(store.good(dir, &["journal", "export"]).starts_with(&all));
    let verify = ["journal", "verify", "--json"];
    let said = store.json(dir, &verify);
    assert_eq!((&said["ok"], &said["archived"]), (&json!(true), &done["segments"]));
    assert_eq!(
        store.json(dir, &["replay", "--check", "--json"])["divergences"],
        json!(0)
    );
    assert_eq!(
        store.json(dir, &["journal", "prove", "1", "--json"])["record"],
        json!(1)
    );
    server.kill();
    let server = Server::start_as(dir, &mut store.program());
    assert_eq!(served(&server), before, "after a start");

    // Moved: the flag and the configuration say where.
    store.ask("move orkestra/log/ moved/");
    assert!(
        store
            .bad(dir, &["journal", "verify"])
            .contains(&format!("is not in {PLACE}"))
    );
    let moved = [&verify[..], &["--archive", "s3://records/moved"]].concat();
    assert_eq!(store.json(dir, &moved)["ok"], json!(true));
    let said = store.run(dir, &verify, |command| {
        command.env("ORKESTRA_JOURNAL__ARCHIVE", "s3://records/moved");
    });
    assert!(said.status.success(), "{}", text(&said.stderr));
    let names = store.ask("move moved/ orkestra/log/");

    let first = names.iter().find(|name| name.contains(".log.")).unwrap();
    let file = first.rsplit('/').next().unwrap();
    store.ask(&format!("flip {first}"));
    let why = store.bad(dir, &["journal", "verify"]);
    assert!(
        why.contains(file) && why.contains("not those that were archived"),
        "{why}"
    );
    assert!(
        store
            .bad(dir, &["replay", "--check"])
            .contains("not those that were written")
    );
    store.ask(&format!("flip {first}"));
    assert_eq!(store.json(dir, &verify)["ok"], json!(true));
    store.ask(&format!("remove {first}"));
    let why = store.bad(dir, &["journal", "verify"]);
    assert!(
        why.contains(file) && why.contains(&format!("is not in {PLACE}")),
        "{why}"
    );
    let why = store.bad(dir, &["journal", "export"]);
    assert!(why.contains(file) && why.contains("no such object"), "{why}");
    nothing_of_credentials(&store, dir);
    drop(server);
}

#[test]
fn nothing_is_lost_where_a_store_refuses_or_goes_away() {
    let (dir, mut store) = (tempfile::tempdir().unwrap(), Store::start());
    let dir = dir.path();
    let server = store.filled(dir);
    let (segments, before) = (plain(dir), served(&server));
    let archive = ["journal", "archive", "--to", PLACE, "--remove", "--json"];
    let wrong = |command: &mut Command| {
        command.env("AWS_SECRET_ACCESS_KEY", "guessed");
    };
    assert!(store.bad_with(dir, &archive, wrong).contains("refuses the credentials"));
    let none = |command: &mut Command| {
        command.env_remove("AWS_ACCESS_KEY_ID");
    };
    assert!(store.bad_with(dir, &archive, none).contains("AWS_ACCESS_KEY_ID"));
    let http = |command: &mut Command| {
        command.env_remove("AWS_ALLOW_HTTP");
    };
    assert!(store.bad_with(dir, &archive, http).contains("AWS_ALLOW_HTTP"));
    let nowhere = ["journal", "archive", "--to", "s3://nobodys/log"];
    assert!(store.bad(dir, &nowhere).contains("no such bucket"));
    assert_eq!(store.ask("list"), [""; 0]);

    // It stops in the middle: the second segment is written, the manifest is not.
    store.ask("refuse 3");
    assert!(store.bad(dir, &archive).contains("the store answers 500"));
    assert_eq!((plain(dir), store.ask("take").len()), (segments, 3));
    assert_eq!(served(&server), before);
    assert_eq!(store.json(dir, &["journal", "verify", "--json"])["archived"], json!(1));
    // Somebody else writes between the look at the manifest and its writing.
    store.ask("meddle orkestra/log/archive.json");
    assert!(store.bad(dir, &archive).contains("somebody else wrote it meanwhile"));
    assert_eq!(plain(dir), segments);
    let other = tempfile::tempdir().unwrap();
    drop(store.filled(other.path()));
    assert!(store.bad(other.path(), &archive).contains("another journal"));
    let done = store.json(dir, &archive);
    assert_eq!(
        done["removed"].as_array().unwrap().len() as u64,
        done["segments"].as_u64().unwrap()
    );
    assert_eq!(served(&server), before);
    assert!(
        store
            .bad_with(dir, &["journal", "verify"], wrong)
            .contains("refuses the credentials")
    );

    // Away: what is archived cannot be read, and everything else goes on.
    store.end();
    let why = store.bad(dir, &["journal", "verify"]);
    assert!(why.contains("refused") && !why.contains("is not in"), "{why}");
    assert!(store.bad(dir, &archive).contains("refused"));
    super::project(&server, "AFTER");
    nothing_of_credentials(&store, dir);
    drop(server);
}
