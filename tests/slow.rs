//! A house with a slow disk, in the test's own process: what clients hear while they wait, and what is left when they go.

mod log;

use std::sync::Arc;
use std::time::Duration;

use orkestra::door::{Doorman, Limits};
use orkestra::followers::clerk::Desk;
use orkestra::http::Faces;
use orkestra::kernel::Caller;
use orkestra::kernel::engine::NewToken;
use orkestra::kernel::identity::ConfirmPolicy;
use orkestra::kernel::secret::Secret;
use orkestra::mcp::{Server, Visitor};
use orkestra::modules::profile::Selection;
use orkestra::processor::{self, Handle};
use orkestra::telemetry::Telemetry;
use projections::{Actor, Stage};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::net::{TcpListener, TcpStream};

use crate::full::{object, opening, owner};
use crate::story;
use log::Slow;

/// The house: its log, the way to its processor, and its owner with a bearer token.
struct House {
    log: Slow,
    handle: Handle,
    caller: Caller,
    faces: Faces,
    token: String,
}

impl House {
    async fn open() -> Self {
        let log = Slow::new();
        let handle = processor::open(opening(Arc::new(log.clone()))).unwrap();
        let (caller, doorman) = (owner(&handle), Doorman::new(story::key()));
        let secret = Secret::new("test", &[0x2F; 32]);
        let new = NewToken {
            name: "slow".to_owned(),
            member: caller.member,
            hash: doorman.hash(&secret),
            prefix: secret.prefix(),
            profile: None,
            scopes: vec!["*".to_owned()],
            read_only: false,
            confirm: ConfirmPolicy::ItsProposer,
            elicit: false,
            expires_at: None,
        };
        let org = caller.org.clone();
        let made = handle.ask(move |engine, now, _| {
            let (_, text) = engine.create_token(Actor::system(), &org, new, now).unwrap();
            Ok((vec![text], ()))
        });
        made.await.unwrap();
        let faces = Faces {
            handle: handle.clone(),
            desk: Desk::new("no-rows".into(), None),
            signer: None,
            public_tlog: false,
            doorman,
            limits: Arc::new(Limits::new(orkestra::door::limits::Rates::default())),
            state_key: [3; 32],
            telemetry: Arc::new(Telemetry::new()),
            public_hosts: Vec::new(),
            public_origins: Vec::new(),
            body_bytes_max: 1 << 20,
        };
        let token = secret.reveal().to_owned();
        Self {
            log,
            handle,
            caller,
            faces,
            token,
        }
    }

    /// Serves HTTP on a free port for as long as the test runs.
    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(orkestra::http::serve(
            listener,
            self.faces.clone(),
            std::future::pending(),
        ));
        address
    }

    /// Serves a STDIO client; what it writes to and reads from.
    fn pipe(&self) -> Pipe {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (faces, token) = (self.faces.clone(), self.token.clone());
        let handle = self.handle.clone();
        let visitor = move || {
            let entry = faces.doorman.admit(&token, "stdio", &handle.snapshot(), handle.now())?;
            let selection = Selection::default();
            Ok(Visitor { entry, selection })
        };
        let server = Server::new(
            self.handle.clone(),
            Arc::clone(&self.faces.limits),
            Arc::clone(&self.faces.telemetry),
            &[3; 32],
        );
        tokio::spawn(server.for_process(visitor).run_on(tokio::io::split(far), 1 << 20));
        let (from, to) = tokio::io::split(near);
        Pipe {
            from: BufReader::new(from),
            to,
        }
    }

    async fn call(&self, tool: &str, args: Value) -> Value {
        let said = self.handle.call(self.caller.clone(), tool, object(&args)).await;
        said.unwrap_or_else(|no| no.to_json())
    }

    /// What is pending, as its proposer sees it: the summaries, in the order of letters.
    async fn pending(&self) -> Vec<String> {
        let listed = self.call("list_pending_actions", json!({})).await;
        let items = listed["items"].as_array().unwrap().iter();
        let mut all: Vec<String> = items.map(|item| item["summary"].as_str().unwrap().to_owned()).collect();
        all.sort_unstable();
        all
    }
}

struct Pipe {
    from: BufReader<ReadHalf<DuplexStream>>,
    to: WriteHalf<DuplexStream>,
}

impl Pipe {
    async fn say(&mut self, message: &Value) {
        self.to.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let mut line = String::new();
        let read = tokio::time::timeout(Duration::from_secs(20), self.from.read_line(&mut line));
        read.await.expect("something is said").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn open_legacy(&mut self) {
        let hello =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        self.say(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}))
            .await;
        assert_eq!(self.hear().await["id"], 0);
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
    }
}

/// A request that calls a tool; on the newest protocol where `modern`.
fn request(id: u64, tool: &str, args: Value, progress: Option<&str>, modern: bool) -> Value {
    let mut meta = json!({});
    if modern {
        meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    }
    if let Some(token) = progress {
        meta["progressToken"] = token.into();
    }
    let params = json!({"name": tool, "arguments": args, "_meta": meta});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

/// Sends an HTTP request and leaves the answer for later.
async fn send(address: &str, token: &str, path: &str, name: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n\
         mcp-method: tools/call\r\nmcp-name: {name}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn whole(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text));
    read.await.expect("it is answered").unwrap();
    text
}

/// Security test 11: a client that closes the stream during a preview executes nothing, and what it proposed stays listed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_during_a_preview_leaves_a_pending_action() {
    let house = House::open().await;
    let address = house.serve().await;
    for (path, key) in [("/mcp", "MCP"), ("/v1/tools/create_project", "REST")] {
        let args = json!({"name": key, "key": key});
        let body = match path {
            "/mcp" => request(1, "create_project", args, None, true).to_string(),
            _ => args.to_string(),
        };
        house.log.hold();
        let stream = send(&address, &house.token, path, "create_project", &body).await;
        house.log.reached().await;
        drop(stream);
        house.log.let_go();
    }
    let mut durable = house.handle.durable();
    durable
        .wait_for(|_| house.handle.snapshot().actions.pending_len() == 2)
        .await
        .unwrap();
    assert_eq!(
        house.pending().await,
        ["Create project MCP \"MCP\"", "Create project REST \"REST\""]
    );
    let text = house.log.text();
    assert!(
        !text.contains("action.confirmed") && !text.contains("\"type\":\"project.created\""),
        "{text}"
    );
    // Asked again, it is the same action.
    let args = json!({"name": "MCP", "key": "MCP"}).to_string();
    let again = whole(send(&address, &house.token, "/v1/tools/create_project", "x", &args).await).await;
    let known = |action: &std::sync::Arc<projections::Action>| again.contains(&action.id.to_string());
    assert!(house.handle.snapshot().actions.pending().any(known), "{again}");
    assert_eq!(house.pending().await.len(), 2);
}

/// A client that leaves during a confirm finds out later what came of it: it happened, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_during_a_confirm_finds_the_receipt() {
    let house = House::open().await;
    let address = house.serve().await;
    let args = json!({"name": "Ops", "key": "OPS"}).to_string();
    let path = "/v1/tools/create_project";
    let said = whole(send(&address, &house.token, path, "x", &args).await).await;
    let pending: Value = serde_json::from_str(said.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let body = request(1, "confirm_action", confirm.clone(), None, true).to_string();
    house.log.hold();
    let stream = send(&address, &house.token, "/mcp", "confirm_action", &body).await;
    house.log.reached().await;
    drop(stream);
    house.log.let_go();
    let again = whole(send(&address, &house.token, "/mcp", "confirm_action", &body).await).await;
    assert!(
        again.contains("\"alreadyConfirmed\":true") && again.contains("\"succeeded\""),
        "{again}"
    );
    assert_eq!(house.log.text().matches("\"action.confirmed\"").count(), 1);
    let snapshot = house.handle.snapshot();
    assert!(snapshot.actions.iter().all(|action| action.stage == Stage::Succeeded));
}

/// Who asks for progress hears of a long call before its answer and never after it; who does not, hears nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_call_is_told_of_where_that_is_wanted() {
    let house = House::open().await;
    let address = house.serve().await;
    for (progress, key) in [(Some("p-1"), "ONE"), (None, "TWO")] {
        let args = json!({"name": key, "key": key});
        let body = request(1, "create_project", args, progress, true).to_string();
        house.log.hold();
        let mut stream = send(&address, &house.token, "/mcp", "create_project", &body).await;
        house.log.reached().await;
        let mut heard = String::new();
        while progress.is_some() && !heard.contains("notifications/progress") {
            let mut part = [0; 4096];
            let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut part));
            let length = read.await.expect("it is told of").unwrap();
            heard.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        if progress.is_none() {
            // Longer than the first word would take.
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        house.log.let_go();
        heard.push_str(&whole(stream).await);
        let (told, answer) = (
            heard.find("notifications/progress"),
            heard.find("\"structuredContent\""),
        );
        assert_eq!(told.is_some(), progress.is_some(), "{heard}");
        assert!(told < answer && answer.is_some(), "{heard}");
        assert!(told.is_none() || heard.contains("\"progressToken\":\"p-1\""), "{heard}");
        assert!(heard.rfind("notifications/progress") < answer, "{heard}");
    }
    let quick = request(2, "get_me", json!({}), Some("p-2"), true).to_string();
    let said = whole(send(&address, &house.token, "/mcp", "get_me", &quick).await).await;
    assert!(
        said.contains("application/json") && !said.contains("progress"),
        "{said}"
    );
}

/// Over STDIO, on the old protocol: progress, then a cancelled call that is never answered and leaves its action pending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_call_is_not_answered_and_undoes_nothing() {
    let house = House::open().await;
    let mut pipe = house.pipe();
    pipe.open_legacy().await;
    let propose = |id, key: &str| request(id, "create_project", json!({"name": key, "key": key}), Some("p"), false);
    house.log.hold();
    pipe.say(&propose(1, "ONE")).await;
    let told = pipe.hear().await;
    assert_eq!(
        (&told["method"], &told["params"]["progressToken"]),
        (&json!("notifications/progress"), &json!("p")),
        "{told}"
    );
    house.log.let_go();
    assert_eq!(pipe.hear().await["id"], 1);
    house.log.hold();
    pipe.say(&propose(2, "TWO")).await;
    house.log.reached().await;
    let cancelled = json!({"requestId": 2, "reason": "changed my mind"});
    pipe.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled}))
        .await;
    // A message after it is answered while the disk still holds the other back: the cancelling was heard by then.
    pipe.say(&json!({"jsonrpc": "2.0", "id": 3, "method": "ping"})).await;
    while pipe.hear().await["id"] != 3 {}
    // Nor is it told of any more.
    tokio::time::sleep(Duration::from_millis(700)).await;
    house.log.let_go();
    pipe.say(&request(4, "list_pending_actions", json!({}), None, false))
        .await;
    let listed = pipe.hear().await;
    assert_eq!(listed["id"], 4, "the cancelled call is not answered: {listed}");
    let items = &listed["result"]["structuredContent"]["items"];
    assert!(
        items.to_string().contains("TWO") && !house.log.text().contains("action.confirmed"),
        "{items}"
    );
}
