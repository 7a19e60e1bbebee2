//! The command line: one file per command. Data goes to standard output, everything else to standard error.

mod actions;
mod doctor;
mod evidence;
mod journal;
mod operator;
mod progress;
mod remote;
mod replay;
mod serve;
mod stdio;
mod subject;
mod token;
mod tools;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use ::journal::Look;
use clap::{Args, Parser, Subcommand};
use figment::value::{Dict, Value};

use crate::audit::archive;
use crate::config::{self, Config};
use crate::data::DataDir;

/// Work management for AI agents: every write is previewed, confirmed and journaled.
#[derive(Debug, Parser)]
#[command(name = "orkestra", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: MCP and REST over HTTP.
    Serve(serve::ServeArgs),
    /// Speak MCP over standard input and output; the token is in MCP_TOKEN or ORKESTRA_TOKEN.
    Stdio(stdio::StdioArgs),
    /// Carry out executions that a server gives out over NATS.
    Worker(worker::WorkerArgs),
    /// Create, list, revoke and rotate bearer tokens.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Erase a person from the journal.
    #[command(subcommand)]
    Subject(subject::SubjectCommand),
    /// What is pending, under way or over: list, show, confirm, cancel.
    #[command(subcommand)]
    Actions(actions::ActionsCommand),
    /// Look at, verify, export and prove the journal.
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// Read what was done, decide it again, and see how things stood at any moment.
    Replay(replay::ReplayArgs),
    /// Give out evidence that others can check, and check it.
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
    /// Look at configuration, permissions, keys, journal and server: what is wrong, and what to do.
    Doctor(doctor::DoctorArgs),
    /// List the tools, or show one.
    #[command(subcommand)]
    Tools(tools::ToolsCommand),
}

/// Where the data is, and what it is used with.
#[derive(Clone, Debug, Args)]
struct DataArg {
    /// The data directory.
    #[arg(long, value_name = "DIR", env = "ORKESTRA_DATA", default_value = "./orkestra-data")]
    data: PathBuf,
    /// The configuration file; ./orkestra.toml where there is one.
    #[arg(long, value_name = "FILE", env = "ORKESTRA_CONFIG")]
    config: Option<PathBuf>,
    /// Where the journal's archive is, if it was moved: a directory, or s3://bucket/prefix.
    #[arg(long, value_name = "PLACE")]
    archive: Option<String>,
}

impl DataArg {
    fn dir(&self) -> DataDir {
        DataDir(self.data.clone())
    }

    /// What the flags that every command has say of the configuration.
    fn flags(&self) -> Dict {
        let archive = self.archive.as_deref().map(Value::from);
        let journal = archive.map(|place| Value::from(Dict::from([("archive".to_owned(), place)])));
        journal
            .map(|journal| ("journal".to_owned(), journal))
            .into_iter()
            .collect()
    }

    /// The journal as it lies there, beside a running server as well; archived records come from the archive.
    fn look(&self) -> Result<Look, Failure> {
        let sizes = self.config()?.journal;
        Ok(archive::look(
            &self.dir().journal(),
            sizes.archive.as_deref(),
            sizes.record_bytes_max,
        )?)
    }

    /// What file and environment say, for commands without flags of the server.
    fn config(&self) -> Result<Config, Failure> {
        let loaded = config::load(self.config.as_deref(), self.flags()).map_err(Failure::wrong)?;
        Ok(loaded.config)
    }
}

/// What a command says when it cannot do its work: a sentence, and what would help.
#[derive(Debug)]
struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    fn new(message: impl ToString) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            code: 1,
        }
    }

    /// The failure of a command that was asked wrongly.
    fn wrong(cause: impl ToString) -> Self {
        Self {
            code: 2,
            ..Self::new(cause)
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(cause: E) -> Self {
        Self::new(cause)
    }
}

type Outcome = Result<(), Failure>;

/// Runs the command line; 0 when it did its work, 1 when it could not, 2 when it was not understood.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Stdio(args) => block_on(stdio::run(args)),
        Command::Worker(args) => block_on(worker::run(args)),
        Command::Token(command) => block_on(token::run(command)),
        Command::Subject(command) => block_on(subject::run(command)),
        Command::Actions(command) => block_on(actions::run(command)),
        Command::Journal(command) => journal::run(command),
        Command::Replay(args) => replay::run(args),
        Command::Evidence(command) => evidence::run(command),
        Command::Doctor(args) => block_on(doctor::run(args)),
        Command::Tools(command) => tools::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            note(&format!("error: {}", failure.message));
            if let Some(hint) = failure.hint {
                note(&format!("hint: {hint}"));
            }
            ExitCode::from(failure.code)
        }
    }
}

fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    block_on_value(future)?
}

/// Waits for something asynchronous in a command that is not.
fn block_on_value<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}

/// Data, to standard output. Who reads it may stop reading: then there is nothing left to do.
fn print(text: &str) {
    use std::io::Write as _;
    if let Err(cause) = writeln!(std::io::stdout().lock(), "{text}") {
        let gone = cause.kind() == std::io::ErrorKind::BrokenPipe;
        std::process::exit(i32::from(!gone));
    }
}

/// Everything else, to standard error.
#[expect(clippy::print_stderr, reason = "this is where the program speaks to its user")]
fn note(text: &str) {
    eprintln!("{text}");
}
