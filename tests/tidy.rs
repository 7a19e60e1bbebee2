//! The house's rules as a test: layers point inward, files open with a sentence, nothing is left unfinished.

use std::fs;
use std::path::{Path, PathBuf};

/// What a layer may not name.
const LAYERS: [(&str, &[&str]); 9] = [
    (
        "src/kernel",
        &[
            "tokio",
            "sled",
            "rmcp",
            "axum",
            "async_nats",
            "async fn",
            "HashMap",
            "crate::modules",
            "crate::processor",
            "Timestamp::now",
        ],
    ),
    (
        "src/modules",
        &[
            "tokio",
            "sled",
            "rmcp",
            "axum",
            "async_nats",
            "async fn",
            "HashMap",
            "crate::processor",
            "Timestamp::now",
            "journal::",
        ],
    ),
    (
        "src/processor",
        &["rmcp", "axum", "crate::http", "crate::mcp", "crate::cli"],
    ),
    ("src/door", &["rmcp", "axum", "crate::http", "crate::mcp", "crate::cli"]),
    (
        "src/audit",
        &["rmcp", "axum", "crate::http", "crate::mcp", "crate::cli"],
    ),
    ("src/cli", &["rmcp::", "axum::"]),
    ("src", &["sled::"]),
    ("journal/src", &["tokio", "projections", "orkestra::"]),
    ("projections/src", &["tokio", "orkestra::"]),
];

/// Crates that one place knows: what its files begin with.
const HOMES: [(&str, &str); 6] = [
    ("async_nats", "src/execution/nats"),
    ("lettre", "src/execution/perform"),
    ("object_store", "src/audit/archive/store"),
    ("opentelemetry", "src/telemetry/otlp"),
    ("prost::", "src/telemetry/otlp"),
    ("reqwest", "src/execution/perform"),
];

/// Longest file, in lines.
const LINES_MAX: usize = 350;

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, into);
        } else if entry.extension().is_some_and(|kind| kind == "rs") {
            into.push(entry);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for dir in ["src", "journal", "projections", "tests", "ops"] {
        files(&root.join(dir), &mut paths);
    }
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap().display().to_string();
    paths
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .collect()
}

fn names(text: &str, word: &str) -> bool {
    let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.any(|line| line.contains(word))
}

#[test]
fn what_one_place_knows_is_named_nowhere_else() {
    let product = |(file, _): &(String, String)| !file.starts_with("tests/") && !file.starts_with("ops/");
    for (file, text) in sources().into_iter().filter(product) {
        for (word, home) in HOMES {
            assert!(
                file.starts_with(home) || !names(&text, word),
                "{file}: only {home} may name `{word}`"
            );
        }
    }
}

/// The sentence of a line of the log goes to a collector as it is, while its fields are looked at first.
#[test]
fn what_a_log_line_says_is_a_sentence_and_its_fields() {
    const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];
    let mut seen = 0;
    for (file, text) in sources().into_iter().filter(|(file, _)| file.contains("src/")) {
        for level in LEVELS {
            for line in text.split(&format!("tracing::{level}!(")).skip(1) {
                let parts: Vec<&str> = line.split('"').collect();
                let is_last = |at: &usize| parts[at + 1].trim_start().starts_with(')');
                let last = (1..parts.len() - 1).step_by(2).find(is_last).unwrap();
                let texts = parts[1..=last].iter().step_by(2);
                assert!(
                    texts.clone().all(|text| !text.contains('{')),
                    "{file}: {:?}",
                    &parts[..=last]
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen} lines were found");
}

#[test]
fn layers_point_inward() {
    for (file, text) in sources() {
        for (layer, banned) in LAYERS
            .iter()
            .filter(|(layer, _)| file.starts_with(&format!("{layer}/")) || file == format!("{layer}.rs"))
        {
            for word in *banned {
                assert!(!names(&text, word), "{file}: {layer} may not name `{word}`");
            }
        }
    }
}

#[test]
fn files_are_small_and_say_what_they_are_for() {
    for (file, text) in sources() {
        assert!(text.starts_with("//! "), "{file} does not open with a sentence");
        assert!(
            text.lines().count() <= LINES_MAX,
            "{file} has {} lines",
            text.lines().count()
        );
        assert!(
            !file.ends_with("/mod.rs"),
            "{file}: name.rs and name/ instead of mod.rs"
        );
    }
}

#[test]
fn only_what_was_asked_stands_at_the_top() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "README.md",
        "journal",
        "ops",
        "projections",
        "snapshots",
        "src",
        "target",
        "tests",
        "orkestra-data",
    ];
    for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(
            name.starts_with('.') || allowed.contains(&name.as_str()),
            "{name} stands at the top"
        );
    }
}
