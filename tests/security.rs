//! Security at the wire, test by test of the project's checklist; its numbers stand in the tests' comments.
//!
//! | number | what | shown by |
//! |---|---|---|
//! | 1 | foreign host | `a_foreign_host_is_refused_counted_and_journaled` |
//! | 2, 3 | origins | `origins_are_checked_on_the_mcp_address`, `the_guard_turns_away_what_is_not_for_it` |
//! | 4 | loopback | `a_public_address_needs_an_explicit_word` |
//! | 5, 6 | headers and `_meta` | `headers_and_meta_must_agree_with_the_body` |
//! | 7 | length, depth, batches | `long_bodies_are_refused_while_they_come`, `bodies_that_are_long_deep_or_ambiguous_are_refused`, `stdio_is_as_strict_as_http` |
//! | 8 | ambiguous JSON | `bodies_that_are_long_deep_or_ambiguous_are_refused`, `stdio_is_as_strict_as_http`, `encoded_text_is_read_as_strictly_as_a_body` |
//! | 9 | `$ref` in schemas | `no_schema_points_to_an_address` |
//! | 10 | colliding request ids | `equal_request_ids_never_cross` |
//! | 11 | the client leaves | `a_client_that_leaves_during_a_preview_leaves_a_pending_action`, `a_cancelled_call_is_not_answered_and_undoes_nothing` |
//! | 12 | reserved error codes | `no_reserved_error_code_is_invented` |
//! | 13 | form and checksum of tokens | `a_token_reads_back_and_a_changed_letter_does_not`, `every_bad_token_gets_the_same_answer` |
//! | 14 | tokens at rest | `secrets_are_neither_journaled_nor_logged_nor_repeated` |
//! | 15 | revoked and expired | `a_revoked_token_cannot_confirm_what_it_proposed`, `tokens_end_when_they_say` |
//! | 16 | rotation | `tokens_end_when_they_say` |
//! | 17, 18 | scopes | `a_token_opens_only_its_scopes` |
//! | 19 | empty scope | `an_empty_scope_is_refused` |
//! | 20 | foreign JWTs: none is taken | `every_bad_token_gets_the_same_answer` |
//! | 21 | the bearer goes nowhere (NATS and webhooks are to come) | `secrets_are_neither_journaled_nor_logged_nor_repeated` |
//! | 22 | nobody is nobody; authentication cannot be switched off | `every_bad_token_gets_the_same_answer` |
//! | 23 | policy cannot be told | `a_policy_that_cannot_be_told_denies` |
//! | 24 | role gone in between | `a_role_that_was_taken_away_confirms_nothing`, `a_proposer_who_was_suspended_cannot_confirm` |
//! | 25, 29 | once | `a_hundred_confirms_at_once_carry_out_one`, `confirming_twice_gives_the_same_receipt_and_proposing_twice_the_same_action` |
//! | 26 | altered (a confirm names no arguments, so its token is) | `an_altered_confirm_token_does_nothing`, `a_state_is_good_for_one_call_once` |
//! | 27 | spelling | `spelling_makes_no_other_action`, `the_digest_sees_values_not_spelling` |
//! | 28 | other action, principal, tenant | `the_token_of_one_action_opens_no_other`, `tokens_of_others_and_late_tokens_are_refused` |
//! | 30 | expiry, clock back | `tokens_of_others_and_late_tokens_are_refused` |
//! | 36, 37 | four eyes, as far as one human goes | `under_a_human_policy_the_proposer_has_no_token` |
//! | 40 | equal proposals | `a_repeated_proposal_is_the_same_action` |
//! | 41 | words approve nothing | `words_confirm_nothing` |
//! | 42 | disk full | `without_room_nothing_is_said_or_done`, `a_disk_that_fills_up_refuses_and_goes_on`, `what_the_journal_takes_back_never_happened` |
//! | 50 | kill -9 | `kill_9_at_random_moments_loses_nothing_that_was_acknowledged` |
//! | 51 | expired in between | `what_expired_in_between_is_ended_before_anything_is_served` |
//! | 52 | torn or damaged | `a_torn_last_record_is_cut_off_and_told`, `damage_in_the_middle_stops_the_start` |
//! | 53 | snapshot and tail | every story ends with it: `restarted` |
//! | 55 | any bit | `damage_in_the_middle_stops_the_start`, `a_fork_a_truncation_and_a_flipped_bit_are_told_apart` |
//! | 56 | the end is missing | `a_shortened_journal_fails_against_an_old_checkpoint`, `a_fork_a_truncation_and_a_flipped_bit_are_told_apart` |
//! | 57 | two histories | `a_fork_a_truncation_and_a_flipped_bit_are_told_apart`, `a_witness_cosigns_what_grew_and_disputes_a_fork` |
//! | 58 | evidence | `an_export_verifies_offline_and_is_journaled`, `any_altered_byte_of_a_bundle_fails`, `an_altered_bundle_says_which_part_it_is` |
//! | 59 | replay elsewhere, and to nobody | `a_replay_comes_to_the_same_state_everywhere_and_speaks_to_nobody` |
//! | 60 | erasure | `who_was_erased_is_nowhere_and_everything_still_verifies`, `kill_9_during_an_erasure_leaves_it_done_or_not_begun`, `whoever_is_erased_nothing_written_tells_and_all_folds_the_same` |
//! | 61 | secrets | `secrets_are_neither_journaled_nor_logged_nor_repeated`, `a_token_in_an_argument_is_refused_and_not_written_down` |
//! | 64 | limits | `a_limit_refuses_one_token_only_and_is_journaled`, `limits_are_kept_apart_and_survive_a_restart` |
//! | 66 | payloads of others | `an_admin_who_is_no_auditor_sees_that_records_are_there`, `what_an_auditor_opens_is_on_record_first`, `who_browses_sees_that_it_happened_and_an_auditor_opens_it` |

mod confirming;
mod disk;
mod elicit;
mod erasure;
mod evidence;
mod limits;
mod secrets;
mod stdio;
mod tokens;
mod wire;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::server::Server;

/// Runs the program on the data directory of a server that was started in `dir`.
fn orkestra(dir: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orkestra"))
        .args(words)
        .arg("--data")
        .arg(dir.join("data"))
        .output()
        .unwrap()
}

/// A new token of the owner: its value and its id.
pub fn token(dir: &Path, more: &[&str]) -> (String, String) {
    let made = orkestra(
        dir,
        &[&["token", "create", "--json", "--name", "another"], more].concat(),
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

/// Everything in the journal, as text.
fn exported(dir: &Path) -> String {
    String::from_utf8(orkestra(dir, &["journal", "export"]).stdout).unwrap()
}

/// The headers of an MCP request of the protocol 2026-07-28.
fn headers<'a>(bearer: &'a str, method: &'a str, name: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut headers = vec![
        ("authorization", bearer),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    headers.extend(name.map(|name| ("mcp-name", name)));
    headers
}

/// The body of such a request.
fn body(id: u64, method: &str, mut params: Value) -> String {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// Calls a tool over REST with a token.
pub fn call(server: &Server, token: &str, tool: &str, args: &Value) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    server
        .send(
            "POST",
            &format!("/v1/tools/{tool}"),
            &[("authorization", &bearer)],
            args.to_string().as_bytes(),
        )
        .unwrap()
}

/// Proposes a project; what confirms it.
pub fn proposed(server: &Server, key: &str) -> Value {
    let (status, pending) = call(
        server,
        &server.token,
        "create_project",
        &json!({"name": key, "key": key}),
    );
    assert_eq!(status, 202, "{pending}");
    json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]})
}

/// The table above names tests that there are.
#[test]
fn the_table_names_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for dir in ["src", "tests"] {
        gather(&root.join(dir), &mut sources);
    }
    let rows = include_str!("security.rs")
        .lines()
        .filter(|line| line.starts_with("//! | ") && line.contains('`'));
    let mut names = 0;
    for row in rows {
        let shown_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in shown_by.split('`').skip(1).step_by(2) {
            names += 1;
            assert!(sources.contains(&format!("fn {name}(")), "there is no `{name}`: {row}");
        }
    }
    assert!(names > 40, "{names}");
}

fn gather(dir: &Path, into: &mut String) {
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            gather(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
