//! `orkestra doctor`: configuration, permissions, keys, journal, rows, server — what is wrong, and what to do.

mod broker;
mod people;
mod room;
mod rows;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Args;
use journal::Look;
use serde_json::{Value, json};

use super::{DataArg, Failure, Outcome, print};
use crate::audit::{archive, custody};
use crate::config::{self, Config};
use crate::data::DataDir;
use crate::door::{Keys, signing};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    data: DataArg,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    /// What was found, or what is wrong.
    said: String,
    /// What to do; `None` where all is well.
    fix: Option<String>,
}

impl Finding {
    fn good(what: &'static str, said: impl Into<String>) -> Self {
        let said = said.into();
        Self { what, said, fix: None }
    }

    fn bad(what: &'static str, said: impl Into<String>, fix: impl Into<String>) -> Self {
        let (said, fix) = (said.into(), Some(fix.into()));
        Self { what, said, fix }
    }
}

pub(super) async fn run(args: DoctorArgs) -> Outcome {
    let dir = args.data.dir();
    let (config, values, configured) = configuration(&args.data);
    let line_max = config.journal.record_bytes_max;
    let mut findings = vec![configured];
    if dir.exists() {
        let look = archive::look(&dir.journal(), config.journal.archive.as_deref(), line_max);
        let stands = rows::stand(&dir, look.as_ref().ok()).await;
        let people = people::keys(&dir, look.as_ref().ok());
        findings.extend([
            private(&dir),
            keys(&dir),
            signing_key(&dir, &config, look.as_ref().ok()),
            journal(look),
            stands,
            room::left(&dir, config.journal.segment_bytes),
            server(&dir).await,
        ]);
        findings.extend(people);
    } else {
        let said = format!("{} holds no journal yet", dir.0.display());
        findings.push(Finding::good("data", said));
    }
    findings.push(broker::stand(&config).await);
    let wrong = findings.iter().filter(|finding| finding.fix.is_some()).count();
    if args.json {
        let shown: Vec<Value> = findings
            .iter()
            .map(|one| json!({"check": one.what, "ok": one.fix.is_none(), "found": one.said, "fix": one.fix}))
            .collect();
        print(&json!({"ok": wrong == 0, "configuration": values, "checks": shown}).to_string());
    } else {
        tell(&values, &findings);
    }
    match wrong {
        0 => Ok(()),
        one => Err(Failure::new(crate::kernel::text::count(one, "thing") + " to look at")),
    }
}

fn tell(values: &[Value], findings: &[Finding]) {
    for value in values {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let shown = value.get("value").map(ToString::to_string).unwrap_or_default();
        print(&format!("  {:<32} {shown:<24} {}", text("key"), text("from")));
    }
    for finding in findings {
        let mark = if finding.fix.is_none() { "ok   " } else { "WRONG" };
        print(&format!("{mark} {:<14} {}", finding.what, finding.said));
        if let Some(fix) = &finding.fix {
            print(&format!("      {:<14} → {fix}", ""));
        }
    }
}

fn configuration(data: &DataArg) -> (Config, Vec<Value>, Finding) {
    match config::load(data.config.as_deref(), data.flags()) {
        Ok(loaded) => {
            let line = |(key, shown, from): (String, String, String)| {
                let value: Value = serde_json::from_str(&shown).unwrap_or(Value::String(shown));
                json!({"key": key, "value": value, "from": from})
            };
            let values: Vec<Value> = loaded.explain().into_iter().map(line).collect();
            (loaded.config, values, Finding::good("configuration", "understood"))
        }
        Err(cause) => {
            let fix = "correct or remove that key; ops/configuration.md lists them all";
            let finding = Finding::bad("configuration", cause.to_string(), fix);
            (Config::default(), Vec::new(), finding)
        }
    }
}

fn private(dir: &DataDir) -> Finding {
    let mode = |path: &Path| std::fs::metadata(path).map(|meta| meta.permissions().mode() & 0o777);
    match mode(&dir.0) {
        Ok(0o700 | 0o500) => Finding::good("permissions", format!("only its owner enters {}", dir.0.display())),
        Ok(mode) => Finding::bad(
            "permissions",
            format!("others may enter {} (mode {mode:o})", dir.0.display()),
            format!("chmod 700 {}", dir.0.display()),
        ),
        Err(cause) => Finding::bad(
            "permissions",
            cause.to_string(),
            "run as the user that owns the directory",
        ),
    }
}

fn keys(dir: &DataDir) -> Finding {
    if !Keys::are_in(&dir.keys()) {
        let fix = "restore the folder keys from the backup; without it every bearer token must be made again";
        return Finding::bad("keys", format!("{} is not complete", dir.keys().display()), fix);
    }
    match Keys::open(&dir.keys()) {
        Ok(_) => Finding::good("keys", "readable by their owner only"),
        Err(cause) => Finding::bad("keys", cause.to_string(), "restore the folder keys from the backup"),
    }
}

/// What signs the log, and where it comes from; only its public half is shown.
fn signing_key(dir: &DataDir, config: &Config, look: Option<&Look>) -> Finding {
    let source = signing::source(&dir.keys(), config.evidence.signing_key_file.as_deref());
    let fix = "restore it from your backup; new checkpoints would be signed by another key";
    if !source.has_key() {
        return Finding::bad("signing key", format!("{source} is not there"), fix);
    }
    let public = match source.public() {
        Ok(public) => public,
        Err(cause) => return Finding::bad("signing key", cause.to_string(), fix),
    };
    let newest = look.and_then(|look| look.newest_checkpoint().ok().flatten());
    let current =
        look.map(|look| custody::expect_current(&source, &public, newest.as_ref(), &|from| look.reader(from)));
    match current {
        Some(Err(cause)) => Finding::bad("signing key", cause.to_string(), fix),
        _ => Finding::good("signing key", format!("{} from {source}", public.encode())),
    }
}

fn journal(look: Result<Look, journal::Error>) -> Finding {
    match look.and_then(|look| look.check_end().map(|()| look)) {
        Ok(look) => Finding::good(
            "journal",
            format!(
                "{} records in {}, every line checks",
                look.last_seq(),
                crate::kernel::text::count(usize::try_from(look.segments()).unwrap_or(usize::MAX), "segment")
            ),
        ),
        Err(cause) => Finding::bad(
            "journal",
            cause.to_string(),
            "keep a copy of the folder as it is, then restore the backup; `orkestra journal verify` says more",
        ),
    }
}

async fn server(dir: &DataDir) -> Finding {
    match tokio::net::UnixStream::connect(dir.socket()).await {
        Ok(_) => Finding::good("server", "runs on this directory"),
        Err(_) if dir.socket().exists() => Finding::good("server", "none runs; the last one did not end by itself"),
        Err(_) => Finding::good("server", "none runs on this directory"),
    }
}
