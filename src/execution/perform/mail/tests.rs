//! The rules of mail effects, against a mail server on loopback.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What the server says instead of the usual: to a line that begins so (`hello` is the connection, `.` the end of the text).
type Unusual = &'static [(&'static str, &'static str)];

/// Says nothing and hangs up.
const HANG_UP: &str = "hang up";
/// Says nothing.
const SILENT: &str = "silent";

/// A mail server, and the lines that it got.
struct Post {
    port: u16,
    got: Arc<Mutex<Vec<String>>>,
}

impl Post {
    async fn start(unusual: Unusual) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let post = Self {
            port: listener.local_addr().unwrap().port(),
            got: Arc::default(),
        };
        let got = post.got.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, unusual, got.clone()));
            }
        });
        post
    }

    fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    fn settings(&self) -> settings::Mail {
        settings::Mail {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            security: Security::None,
            user: None,
            password_file: None,
            from: "Orkestra <orkestra@example.com>".to_owned(),
            time_limit_seconds: NonZeroU32::MIN,
        }
    }
}

async fn serve(stream: TcpStream, unusual: Unusual, got: Arc<Mutex<Vec<String>>>) {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    let mut said = "hello".to_owned();
    loop {
        let usual = match said.get(..4).unwrap_or(&said) {
            "EHLO" => "250-post\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => "235 welcome",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            "hell" => "220 post",
            _ => "250 so be it",
        };
        let found = unusual.iter().find(|(line, _)| said.starts_with(line));
        match found.map_or(usual, |(_, answer)| *answer) {
            HANG_UP => return,
            SILENT => std::future::pending().await,
            answer => to.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap(),
        }
        let is_text = said == "DATA";
        loop {
            let Ok(Some(line)) = lines.next_line().await else {
                return;
            };
            got.lock().unwrap().push(line.clone());
            said = line;
            if !is_text || said == "." {
                break;
            }
        }
    }
}

fn letter() -> Value {
    json!({"to": ["ann@example.com"], "subject": "Due", "text": "It is due."})
}

async fn perform(settings: &settings::Mail, detail: Value) -> Done {
    let effect = Effect {
        kind: KIND.into(),
        detail,
    };
    Mail::new(settings).unwrap().perform(&effect, "act-1/0").await
}

fn reason(done: &Done, retried: bool) -> &str {
    match done {
        Done::Failed { reason, may_retry } if *may_retry == retried => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_with_a_name_of_its_own() {
    let post = Post::start(&[]).await;
    let detail = json!({
        "to": ["ann@example.com", "Bob <bob@example.org>"],
        "subject": "Fällig", "text": "One\n.\nThree",
    });
    let id = format!("<{}@example.com>", projections::Digest::of(b"act-1/0"));
    for _ in 0..2 {
        let done = perform(&post.settings(), detail.clone()).await;
        assert_eq!(done, Done::Done(json!({"messageId": id})));
    }
    let got = post.got();
    let is_there = |line: &str| got.iter().filter(|had| *had == line).count() == 2;
    for line in [
        "EHLO example.com",
        "MAIL FROM:<orkestra@example.com>",
        "RCPT TO:<ann@example.com>",
        "RCPT TO:<bob@example.org>",
        "DATA",
        "From: Orkestra <orkestra@example.com>",
        "To: ann@example.com, Bob <bob@example.org>",
        "Subject: =?utf-8?b?RsOkbGxpZw==?=",
        &format!("Message-ID: {id}"),
        "One",
        "..",
        "Three",
        ".",
        "QUIT",
    ] {
        assert!(is_there(line), "{line}: {got:#?}");
    }
}

#[tokio::test]
async fn what_the_rules_refuse_is_never_sent() {
    let post = Post::start(&[]).await;
    let many: Vec<String> = (0..51).map(|number| format!("a{number}@example.com")).collect();
    for detail in [
        json!({"to": ["ann@example.com"], "subject": "Due\r\nBcc: eve@example.com", "text": ""}),
        json!({"to": ["ann@example.com"], "subject": "Due\nBcc: eve@example.com", "text": ""}),
        json!({"to": ["ann@example.com\r\nBcc: eve@example.com"], "subject": "", "text": ""}),
        json!({"to": ["Ann\r\nBcc: eve@example.com <ann@example.com>"], "subject": "", "text": ""}),
        json!({"to": ["ann@example.com>\r\nRCPT TO:<eve@example.com"], "subject": "", "text": ""}),
        json!({"to": ["ann@example.com, eve@example.com"], "subject": "", "text": ""}),
        json!({"to": ["änn@example.com"], "subject": "", "text": ""}),
        json!({"to": ["ann"], "subject": "", "text": ""}),
        json!({"to": [], "subject": "", "text": ""}),
        json!({"to": many, "subject": "", "text": ""}),
        json!({"to": ["ann@example.com"], "subject": "", "text": "", "from": "eve@example.com"}),
    ] {
        let done = perform(&post.settings(), detail.clone()).await;
        assert!(!reason(&done, false).is_empty(), "{detail}");
    }
    assert_eq!(post.got(), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_server_refuses_is_not_delivered() {
    for (line, code, retried) in [
        ("hello", "554 no", false),
        ("hello", "421 later", true),
        ("MAIL", "550 no", false),
        ("MAIL", "451 later", true),
        ("RCPT", "550 no", false),
        ("RCPT", "450 later", true),
        ("DATA", "554 no", false),
        ("DATA", "451 later", true),
        (".", "554 no", false),
        (".", "452 later", true),
    ] {
        let unusual: Unusual = vec![(line, code)].leak();
        let done = perform(&Post::start(unusual).await.settings(), letter()).await;
        assert!(reason(&done, retried).contains(&code[4..]), "{line} {code}: {done:?}");
    }
}

#[tokio::test]
async fn what_breaks_before_the_text_is_not_delivered_and_after_it_nobody_knows() {
    for how in [HANG_UP, SILENT] {
        for line in ["hello", "MAIL", "RCPT", "DATA"] {
            let unusual: Unusual = vec![(line, how)].leak();
            let done = perform(&Post::start(unusual).await.settings(), letter()).await;
            reason(&done, true);
        }
        let unusual: Unusual = vec![(".", how)].leak();
        let done = perform(&Post::start(unusual).await.settings(), letter()).await;
        assert!(matches!(done, Done::Unknown(_)), "{how}: {done:?}");
    }
    let mut nobody = Post::start(&[]).await.settings();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    nobody.port = Some(free.port());
    reason(&perform(&nobody, letter()).await, true);
    let done = perform(&Post::start(&[("QUIT", SILENT)]).await.settings(), letter()).await;
    assert!(matches!(done, Done::Done(_)), "{done:?}");
}

#[tokio::test]
async fn without_tls_nothing_is_said_where_tls_is_wanted() {
    let plain = Post::start(&[]).await;
    let mut settings = plain.settings();
    settings.security = Security::Starttls;
    let done = perform(&settings, letter()).await;
    assert!(reason(&done, false).contains("STARTTLS"), "{done:?}");
    let broken = Post::start(&[("EHLO", "250 STARTTLS"), ("STARTTLS", "220 not really\r\n250 STARTTLS")]).await;
    settings.port = Some(broken.port);
    reason(&perform(&settings, letter()).await, true);
    settings.security = Security::Tls;
    reason(&perform(&settings, letter()).await, true);
    for got in [plain.got(), broken.got()] {
        assert!(!got.iter().any(|line| line.starts_with("MAIL")), "{got:?}");
    }
}

#[tokio::test]
async fn the_password_is_read_from_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "secret\n").unwrap();
    for (answer, is_done) in [("235 welcome", true), ("535 no", false)] {
        let unusual: Unusual = vec![("AUTH", answer)].leak();
        let post = Post::start(unusual).await;
        let mut settings = post.settings();
        settings.user = Some("me".to_owned());
        settings.password_file = Some(file.clone());
        let done = perform(&settings, letter()).await;
        assert_eq!(matches!(done, Done::Done(_)), is_done, "{done:?}");
        assert!(is_done || reason(&done, false).contains("no"));
        assert!(post.got().contains(&"AUTH PLAIN AG1lAHNlY3JldA==".to_owned()));
    }
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() {
    let good = Post::start(&[]).await.settings();
    let wrong: [fn(&mut settings::Mail); 5] = [
        |mail| mail.host = "mail.example.com".to_owned(),
        |mail| mail.user = Some("me".to_owned()),
        |mail| mail.password_file = Some(PathBuf::from("/nowhere")),
        |mail| {
            mail.user = Some("me".to_owned());
            mail.password_file = Some(PathBuf::from("/nowhere"));
        },
        |mail| mail.from = "nobody".to_owned(),
    ];
    for change in wrong {
        let mut settings = good.clone();
        change(&mut settings);
        assert!(Mail::new(&settings).is_err(), "{settings:?}");
    }
}
