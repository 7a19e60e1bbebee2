//! A real nats-server on a free port, as `ops/nats.conf` has it, and the worker in Python.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::Server;

/// What the users of `ops/nats.conf` have for a password here.
pub const PASSWORD: &str = "only-for-tests";

/// A program of `.tools`, which `ops/setup` fills.
pub fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools").join(name);
    assert!(path.exists(), "{} is missing: run ops/setup", path.display());
    path
}

/// What a JSON Schema of `ops/workers` has against a value; nothing where it is valid.
pub fn against(schema: &str, value: &Value) -> String {
    let check = "import json, jsonschema, sys\nschema = json.load(open(sys.argv[1]))\n\
                 jsonschema.Draft202012Validator.check_schema(schema)\n\
                 print(*[e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(sys.argv[2]))])";
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/workers").join(schema);
    let mut command = Command::new(tool("python/bin/python"));
    let said = command
        .args(["-c", check])
        .arg(schema)
        .arg(value.to_string())
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

/// Waits until something holds.
pub fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < patience, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A process that dies with the test.
pub struct Process(Child);

impl Process {
    fn spawn(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let command = command.stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    /// Kill -9.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A broker with a configuration of its own.
pub fn broker_with(dir: &Path, name: &str, config: &str, port: u16) -> Process {
    let file = dir.join(format!("{name}.conf"));
    std::fs::write(&file, config).unwrap();
    let process = Process::spawn(
        Command::new(tool("bin/nats-server")).arg("-c").arg(file),
        &dir.join("nats.log"),
    );
    until("the broker listens", Duration::from_secs(10), || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    process
}

/// The worker in Python that keeps the labels, at brokers without users.
pub fn painter_at(dir: &Path, urls: &str) -> Process {
    let mut command = painter(dir, urls);
    Process::spawn(&mut command, &dir.join("painter.log"))
}

fn painter(dir: &Path, urls: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/workers/worker.py");
    let mut command = Command::new(tool("python/bin/python"));
    command
        .arg(script)
        .args(["--nats", urls, "--worker", "paint", "--database"])
        .arg(dir.join("labels.db"));
    command
}

pub struct Broker {
    dir: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Broker {
    /// A port for a broker that does not run yet.
    pub fn new(dir: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            dir: dir.to_owned(),
            port: free.local_addr().unwrap().port(),
            process: None,
        }
    }

    pub fn started(dir: &Path) -> Self {
        let mut broker = Self::new(dir);
        broker.start();
        broker
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the server of [`Broker::server`] has its data.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn start(&mut self) {
        let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/nats.conf");
        let mut command = Command::new(tool("bin/nats-server"));
        command.arg("-c").arg(conf).current_dir(&self.dir);
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]);
        for user in ["SERVER", "WORKER", "PAINT", "FOLLOWER", "OPERATOR"] {
            command.env(format!("NATS_PASSWORD_{user}"), PASSWORD);
        }
        self.process = Some(Process::spawn(&mut command, &self.dir.join("nats.log")));
        let port = self.port;
        until("the broker listens", Duration::from_secs(10), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Kill -9, and its disk is gone.
    pub fn lose(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.dir.join("nats-data")).unwrap();
    }

    /// The program, with this broker's address and the user's password, and labels routed to `paint`.
    pub fn program(&self, user: &str) -> Command {
        self.configured(user, "[[route]]\nmodules = [\"labels\"]\nworker = \"paint\"\n")
    }

    /// The server, with nothing routed.
    pub fn unrouted(&self) -> Server {
        Server::start_as(&self.dir, &mut self.configured("server", ""))
    }

    fn configured(&self, user: &str, routes: &str) -> Command {
        let (file, password) = (self.dir.join(format!("{user}.toml")), self.dir.join("password"));
        std::fs::write(&password, PASSWORD).unwrap();
        let text = format!(
            "execution = \"nats\"\n[nats]\nurl = \"{}\"\nuser = \"{user}\"\npassword_file = \"{}\"\n\
             {routes}[limits]\nnormal_per_minute = 1000000\n",
            self.url(),
            password.display()
        );
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
        command.env("ORKESTRA_CONFIG", file);
        command
    }

    /// The server with this broker.
    pub fn server(&self) -> Server {
        Server::start_as(&self.dir, &mut self.program("server"))
    }

    /// The worker in Python that keeps the labels.
    pub fn painter(&self) -> Process {
        let mut command = painter(&self.dir, &self.url());
        command.args(["--user", "paint"]).env("NATS_PASSWORD", PASSWORD);
        Process::spawn(&mut command, &self.dir.join("painter.log"))
    }

    /// The last lines of what broker, worker and server said.
    pub fn logs(&self) -> String {
        let tail = |name: &str| {
            let text = std::fs::read_to_string(self.dir.join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            format!("== {name}\n{last}\n")
        };
        ["nats.log", "painter.log", "serve.log"].map(tail).concat()
    }

    /// What the worker in Python has, as rows of columns.
    pub fn painted(&self, query: &str) -> Value {
        let read = "import json, sqlite3, sys; print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))";
        let mut command = Command::new(tool("python/bin/python"));
        let said = command
            .args(["-c", read])
            .arg(self.dir.join("labels.db"))
            .arg(query)
            .output()
            .unwrap();
        serde_json::from_slice(&said.stdout).unwrap_or(Value::Null)
    }
}
