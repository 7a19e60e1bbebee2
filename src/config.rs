//! Configuration: one struct; `orkestra.toml`, then `ORKESTRA_*`, then flags. Unknown keys are refused.
//!
//! A nested key is written with two underscores in the environment: `ORKESTRA_LIMITS__NORMAL_PER_MINUTE=2000`.

mod explained;
mod sections;

pub use sections::{Attempts, Execution, Limits, Route, Sizes};

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::Dict;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::audit::{archive, evidence, travel};
use crate::door::limits::Rates;
use crate::execution::{nats, perform};
use crate::kernel::execution::{BUILT_IN, Terms};
use crate::telemetry;

/// The file that is read where nothing else is said.
pub const FILE: &str = "orkestra.toml";

/// Names after `ORKESTRA_` that are no settings of a server.
const OTHERS: &str = "data token toolsets read_only exclude config log signing_key";

/// Everything that can be set. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether a proxy with TLS stands in front, so that listening beyond loopback is fine.
    pub behind_proxy: bool,
    /// Host names that requests may name, beside the loopback ones.
    pub public_hosts: Vec<String>,
    /// Origins that browsers may call from.
    pub public_origins: Vec<String>,
    /// Whether reads are answered before they are on disk.
    pub buffered_reads: bool,
    /// The largest request body.
    pub body_bytes_max: usize,
    /// The journal's sizes, and its archive.
    pub journal: Sizes,
    /// Who may follow the log, and what signs it.
    pub evidence: evidence::Settings,
    /// What is kept for journeys to the past.
    pub past: travel::Settings,
    /// Requests a minute and token.
    pub limits: Limits,
    /// Who carries out what needs something outside: this server, or workers that NATS reaches.
    pub execution: Execution,
    /// How NATS is reached.
    pub nats: nats::Settings,
    /// How long and how often an execution is tried.
    pub attempts: Attempts,
    /// What the built-in worker may do outside.
    pub effects: perform::Settings,
    /// Modules whose writes are carried out by somebody else's worker.
    pub route: Vec<Route>,
    /// Where traces, counters and the log are sent, if anywhere.
    pub telemetry: telemetry::Settings,
}

impl Default for Config {
    fn default() -> Self {
        let (journal, rates) = (journal::Options::default(), Rates::default());
        let terms = Terms::default();
        let seconds = |span: SignedDuration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            behind_proxy: false,
            public_hosts: Vec::new(),
            public_origins: Vec::new(),
            buffered_reads: false,
            body_bytes_max: 1 << 20,
            journal: Sizes {
                segment_bytes: journal.segment_bytes,
                record_bytes_max: journal.record_bytes_max,
                reserve_bytes: journal.reserve_bytes,
                archive: None,
            },
            evidence: evidence::Settings::default(),
            past: travel::Settings::default(),
            limits: Limits {
                normal_per_minute: rates.normal_per_minute,
                sensitive_per_minute: rates.sensitive_per_minute,
            },
            execution: Execution::Embedded,
            nats: nats::Settings::default(),
            attempts: Attempts {
                patience_seconds: seconds(terms.patience),
                max: NonZeroU32::new(terms.attempts_max).unwrap_or(NonZeroU32::MIN),
                pause_seconds: seconds(terms.pause),
            },
            effects: perform::Settings::default(),
            route: Vec::new(),
            telemetry: telemetry::Settings::default(),
        }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// A key or a value is wrong; the text names it and where it came from.
    #[error("configuration: {0}")]
    Wrong(String),
    /// The file that was named is not there.
    #[error("{0}: there is no such file")]
    NoFile(PathBuf),
}

/// A configuration, and where each value came from.
pub struct Loaded {
    /// The values.
    pub config: Config,
    figment: Figment,
}

/// Reads `file` (or what `ORKESTRA_CONFIG` names, or [`FILE`] in the working directory, if it is there), the environment,
/// and what flags said.
pub fn load(file: Option<&Path>, flags: Dict) -> Result<Loaded, Error> {
    let named = std::env::var_os("ORKESTRA_CONFIG").map(PathBuf::from);
    let file = file.or(named.as_deref());
    if let Some(file) = file.filter(|file| !file.is_file()) {
        return Err(Error::NoFile(file.to_owned()));
    }
    let environment = Env::prefixed("ORKESTRA_")
        .filter(|key| !OTHERS.split(' ').any(|other| key.as_str().eq_ignore_ascii_case(other)))
        .split("__");
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    let file = file.unwrap_or(Path::new(FILE));
    if file.is_file() {
        figment = figment.merge(Toml::file_exact(file));
    }
    let figment = figment.merge(environment).merge(Serialized::globals(flags));
    let config: Config = figment.extract().map_err(|cause| wrong(&cause))?;
    config
        .journal_options()
        .check()
        .map_err(|cause| Error::Wrong(cause.to_string()))?;
    archive::check(config.journal.archive.as_deref()).map_err(Error::Wrong)?;
    config.check_routes().map_err(Error::Wrong)?;
    config.telemetry.check().map_err(Error::Wrong)?;
    Ok(Loaded { config, figment })
}

fn wrong(cause: &impl ToString) -> Error {
    Error::Wrong(cause.to_string().replace('\n', ""))
}

impl Config {
    /// The journal's options.
    pub fn journal_options(&self) -> journal::Options {
        journal::Options {
            segment_bytes: self.journal.segment_bytes,
            record_bytes_max: self.journal.record_bytes_max,
            reserve_bytes: self.journal.reserve_bytes,
            ..journal::Options::default()
        }
    }

    /// On what terms work is given to workers.
    pub fn terms(&self) -> Terms {
        let routes = self.route.iter().flat_map(|route| {
            let worker = &route.worker;
            route.modules.iter().map(move |module| (module.clone(), worker.clone()))
        });
        Terms {
            routes: routes.collect(),
            patience: SignedDuration::from_secs(self.attempts.patience_seconds.into()),
            attempts_max: self.attempts.max.get(),
            pause: SignedDuration::from_secs(self.attempts.pause_seconds.into()),
        }
    }

    fn check_routes(&self) -> Result<(), String> {
        let registry = crate::modules::registry();
        let known: Vec<&str> = registry.modules().iter().map(|(name, ..)| *name).collect();
        let mut routed = BTreeSet::new();
        for route in &self.route {
            let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
            if route.worker.is_empty() || !route.worker.chars().all(fits) || route.worker == BUILT_IN {
                return Err(format!("route: `{}` is no name for a worker", route.worker));
            }
            for module in &route.modules {
                if !known.contains(&module.as_str()) {
                    let near = crate::kernel::text::nearest(module, known.iter().copied(), 3).join(", ");
                    return Err(format!("route: there is no module `{module}`; near it: {near}"));
                }
                if !routed.insert(module) {
                    return Err(format!("route: `{module}` is routed twice"));
                }
            }
        }
        if !routed.is_empty() && self.execution == Execution::Embedded {
            return Err("route: a worker outside needs execution = \"nats\"".to_owned());
        }
        Ok(())
    }

    /// The limits.
    pub fn rates(&self) -> Rates {
        Rates {
            normal_per_minute: self.limits.normal_per_minute,
            sensitive_per_minute: self.limits.sensitive_per_minute,
        }
    }
}

#[cfg(test)]
mod tests {
    use figment::value::Value;

    use super::*;

    #[test]
    fn later_layers_win_and_unknown_keys_are_refused() {
        figment::Jail::expect_with(|jail| {
            jail.create_file(FILE, "listen = \"127.0.0.1:1\"\n[limits]\nnormal_per_minute = 7\n")?;
            jail.set_env("ORKESTRA_LISTEN", "127.0.0.1:2");
            jail.set_env("ORKESTRA_TOKEN", "not a setting");
            jail.set_env("ORKESTRA_LOG", "json");
            let flags = Dict::from([("listen".to_owned(), Value::from("127.0.0.1:3"))]);
            let loaded = load(None, flags).map_err(|cause| cause.to_string())?;
            assert_eq!(loaded.config.listen.port(), 3);
            assert_eq!(loaded.config.limits.normal_per_minute.get(), 7);
            let said = loaded.explain();
            let of = |key: &str| {
                said.iter()
                    .find(|(name, ..)| name == key)
                    .map(|(.., from)| from.clone())
            };
            assert_eq!(of("listen").as_deref(), Some("flag"));
            assert!(of("limits.normal_per_minute").is_some_and(|from| from.ends_with(FILE)));
            assert_eq!(of("behind_proxy").as_deref(), Some("default"));
            jail.set_env("ORKESTRA_LISTEM", "127.0.0.1:2");
            let no = load(None, Dict::new()).err().map(|cause| cause.to_string());
            assert!(no.as_ref().is_some_and(|no| no.contains("listem")), "{no:?}");
            Ok(())
        });
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        figment::Jail::expect_with(|jail| {
            for (line, word) in [
                ("segment_bytes = 1000", "segment_bytes"),
                ("archive = \"gs://a\"", "journal.archive"),
            ] {
                jail.create_file(FILE, &format!("[journal]\n{line}\n"))?;
                let no = load(None, Dict::new()).err().map(|cause| cause.to_string());
                assert!(no.as_ref().is_some_and(|no| no.contains(word)), "{no:?}");
            }
            Ok(())
        });
    }

    /// The names of all settings with what they are where nothing is said; of a list of sections only the name.
    fn leaves(prefix: &str, value: &serde_json::Value, all: &mut Vec<(String, serde_json::Value)>) {
        let serde_json::Value::Object(members) = value else {
            all.push((prefix.to_owned(), value.clone()));
            return;
        };
        for (name, value) in members {
            let dot = if prefix.is_empty() { "" } else { "." };
            leaves(&format!("{prefix}{dot}{name}"), value, all);
        }
    }

    #[test]
    fn the_page_about_it_names_all_there_is_and_says_the_defaults() {
        let rows = include_str!("../ops/configuration.md")
            .lines()
            .filter(|line| line.starts_with("| `"));
        let rows: Vec<Vec<&str>> = rows.map(|line| line.split('|').map(str::trim).collect()).collect();
        let mut all = Vec::new();
        leaves("", &serde_json::to_value(Config::default()).unwrap(), &mut all);
        for (name, default) in all {
            // An optional section is named by what stands in it.
            let ways = [format!("`{name}`"), format!("[[{name}]]"), format!("`{name}.")];
            let named = |row: &&Vec<&str>| ways.iter().any(|way| row[1].contains(way));
            let row = rows
                .iter()
                .find(named)
                .unwrap_or_else(|| panic!("{name} is not on the page"));
            let said = row[2].trim_matches('`');
            let is_list_of_sections = row[1].starts_with("`[[");
            if !default.is_null() && !is_list_of_sections {
                let said = serde_json::from_str(said).unwrap_or_else(|_| serde_json::Value::from(said));
                assert_eq!(said, default, "{name}");
            }
        }
    }
}
