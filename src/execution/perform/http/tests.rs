//! The rules of HTTP effects, against a server on loopback.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What the server does with a request.
#[derive(Clone)]
enum Does {
    Answer(String),
    Close,
    Nothing,
}

/// A server; what it got, and how much of its answers went out, in bytes.
struct Server {
    address: SocketAddr,
    got: Arc<Mutex<Vec<String>>>,
    gave: Arc<AtomicUsize>,
}

impl Server {
    async fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
            gave: Arc::default(),
        };
        let (got, gave) = (server.got.clone(), server.gave.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, does.clone(), got.clone(), gave.clone()));
            }
        });
        server
    }

    async fn answering(status: u16, more: &str, body: &str) -> Self {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: {length}\r\n{more}\r\n{body}");
        Self::start(Does::Answer(answer)).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, does: Does, got: Arc<Mutex<Vec<String>>>, gave: Arc<AtomicUsize>) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or(("", ""));
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        if !head.is_empty() && body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            break;
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
    got.lock().unwrap().push(text);
    match does {
        Does::Answer(answer) => {
            for part in answer.as_bytes().chunks(1 << 14) {
                if stream.write_all(part).await.is_err() {
                    return;
                }
                gave.fetch_add(part.len(), Ordering::Relaxed);
            }
        }
        Does::Close => {}
        Does::Nothing => std::future::pending().await,
    }
}

fn settings(allow_private_networks: bool) -> Settings {
    Settings {
        allow_private_networks,
        time_limit_seconds: NonZeroU32::MIN,
        mail: None,
    }
}

fn allowed() -> Http {
    Http::new(&settings(true)).unwrap()
}

/// Every name has these addresses.
fn named(addresses: &'static [&'static str]) -> Lookup {
    let found = || addresses.iter().map(|address| address.parse().unwrap()).collect();
    Arc::new(move |_| {
        let found = found();
        Box::pin(async { Ok(found) })
    })
}

async fn perform(http: &Http, detail: Value) -> Done {
    let effect = Effect {
        kind: KIND.into(),
        detail,
    };
    http.perform(&effect, "act-1/0").await
}

async fn ask(http: &Http, method: &str, url: &str) -> Done {
    perform(http, json!({"method": method, "url": url})).await
}

fn reason(done: &Done, retried: bool) -> &str {
    match done {
        Done::Failed { reason, may_retry } if *may_retry == retried => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_carries_its_key_and_the_answer_is_told() {
    let server = Server::answering(201, "", "made").await;
    let detail = json!({
        "method": "POST", "url": server.url("/things?a=b"), "headers": {"X-Of": "me"}, "body": {"name": "thing"},
    });
    let done = perform(&allowed(), detail).await;
    assert_eq!(done, Done::Done(json!({"status": 201, "answer": "made"})));
    let got = server.got();
    assert_eq!(got.len(), 1);
    assert!(got[0].starts_with("POST /things?a=b HTTP/1.1\r\n"), "{}", got[0]);
    for line in ["idempotency-key: act-1/0", "x-of: me", "content-type: application/json"] {
        assert!(got[0].contains(&format!("{line}\r\n")), "{line}: {}", got[0]);
    }
    assert!(got[0].ends_with(r#"{"name":"thing"}"#), "{}", got[0]);
    let server = Server::answering(204, "", "").await;
    let done = ask(&allowed(), "DELETE", &server.url("/")).await;
    assert_eq!(done, Done::Done(json!({"status": 204})));
}

#[tokio::test]
async fn a_status_says_whether_another_attempt_may_do_better() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let server = Server::answering(status, "", "later").await;
        let done = ask(&allowed(), "POST", &server.url("/")).await;
        assert!(reason(&done, true).ends_with(": later"), "{done:?}");
    }
    for status in [400, 401, 403, 404, 409, 410, 422] {
        let server = Server::answering(status, "", "").await;
        let done = ask(&allowed(), "POST", &server.url("/")).await;
        assert!(reason(&done, false).starts_with(&status.to_string()), "{done:?}");
    }
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::answering(status, "location: /elsewhere\r\n", "").await;
        let done = ask(&allowed(), "GET", &server.url("/")).await;
        assert!(reason(&done, false).contains("to /elsewhere"), "{done:?}");
        assert_eq!(server.got().len(), 1);
    }
}

#[tokio::test]
async fn what_the_rules_refuse_is_never_sent() {
    let server = Server::answering(200, "", "").await;
    let port = server.address.port();
    let strict = Http::new(&settings(false)).unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "2130706433",
        "0x7f.1",
        "127.0.0.1.",
        "0.0.0.0",
    ] {
        let done = ask(&strict, "GET", &format!("http://{host}:{port}/")).await;
        assert!(reason(&done, false).contains("may not be reached"), "{host}: {done:?}");
    }
    for url in [
        format!("ftp://127.0.0.1:{port}/"),
        "file:///etc/passwd".to_owned(),
        format!("http://me@127.0.0.1:{port}/"),
        format!("http://:word@127.0.0.1:{port}/"),
        "/relative".to_owned(),
    ] {
        let done = ask(&allowed(), "GET", &url).await;
        assert!(reason(&done, false).starts_with("the URL: "), "{done:?}");
    }
    for method in ["post", "CONNECT", "TRACE", "GET /\r\n"] {
        reason(&ask(&allowed(), method, &server.url("/")).await, false);
    }
    for (name, value) in [
        ("Authorization", "Bearer x"),
        ("Cookie", "a=b"),
        ("Host", "other"),
        ("Content-Length", "1"),
        ("Idempotency-Key", "other"),
        ("X-Of", "me\r\nX-Other: you"),
        ("X Of", "me"),
    ] {
        let detail = json!({"method": "GET", "url": server.url("/"), "headers": {name: value}});
        let done = perform(&allowed(), detail).await;
        assert!(reason(&done, false).starts_with("the header "), "{done:?}");
    }
    let unknown = json!({"method": "GET", "url": server.url("/"), "secret": "x"});
    reason(&perform(&allowed(), unknown).await, false);
    assert_eq!(server.got(), Vec::<String>::new());
}

#[tokio::test]
async fn one_address_that_is_not_public_is_enough_to_refuse_a_name() {
    let mixed = named(&["1.1.1.1:0", "169.254.169.254:0"]);
    let http = Http::with(&settings(false), mixed).unwrap();
    let done = ask(&http, "GET", "http://rebinding.test/").await;
    assert!(reason(&done, false).contains("link-local"), "{done:?}");
}

#[tokio::test]
async fn a_name_is_resolved_once_and_what_was_found_is_reached() {
    let server = Server::answering(200, "", "").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let lookup: Lookup = Arc::new(move |name| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        assert_eq!(name, "rebinding.test");
        let found = if first { "127.0.0.1:0" } else { "127.0.0.9:0" };
        Box::pin(async move { Ok(vec![found.parse().unwrap()]) })
    });
    let http = Http::with(&settings(true), lookup).unwrap();
    let url = format!("http://rebinding.test:{}/", server.address.port());
    assert_eq!(ask(&http, "POST", &url).await, Done::Done(json!({"status": 200})));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert!(server.got()[0].contains("host: rebinding.test:"));
}

#[tokio::test]
async fn without_an_answer_only_what_is_idempotent_may_be_repeated() {
    for does in [Does::Nothing, Does::Close] {
        let server = Server::start(does).await;
        for method in ["POST", "PATCH"] {
            let done = ask(&allowed(), method, &server.url("/")).await;
            assert!(matches!(done, Done::Unknown(_)), "{method}: {done:?}");
        }
        for method in ["GET", "PUT", "DELETE"] {
            let done = ask(&allowed(), method, &server.url("/")).await;
            assert!(reason(&done, true).starts_with("no answer"), "{done:?}");
        }
        assert_eq!(server.got().len(), 5);
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let done = ask(&allowed(), "POST", &format!("http://{free}/")).await;
    assert!(reason(&done, true).starts_with("there is no connection"), "{done:?}");
    let nobody: Lookup = Arc::new(|_| Box::pin(async { Err(io::Error::other("no such name")) }));
    let http = Http::with(&settings(false), nobody).unwrap();
    let done = ask(&http, "POST", "https://nobody.test/").await;
    assert!(reason(&done, true).contains("no such name"), "{done:?}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let done = ask(
        &allowed(),
        "POST",
        &format!("https://{}/", silent.local_addr().unwrap()),
    )
    .await;
    assert!(reason(&done, true).starts_with("there is no connection"), "{done:?}");
    let plain = Server::answering(200, "", "").await;
    let done = ask(&allowed(), "POST", &plain.url("/").replace("http:", "https:")).await;
    assert!(reason(&done, true).starts_with("there is no connection"), "{done:?}");
}

#[tokio::test]
async fn of_a_long_answer_only_the_beginning_is_read_and_kept() {
    let long = format!("x{}", "ä".repeat(16 << 20));
    let server = Server::answering(200, "", &long).await;
    let Done::Done(said) = ask(&allowed(), "GET", &server.url("/")).await else {
        panic!("it is done");
    };
    let kept = said["answer"].as_str().unwrap();
    assert!(kept.len() == 1023 && long.starts_with(kept), "{}", kept.len());
    assert!(server.gave.load(Ordering::Relaxed) < 16 << 20);
}
