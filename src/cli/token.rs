//! `orkestra token`: bearer tokens. They are no tool of MCP: a token cannot make tokens.

pub(super) mod people;
mod shown;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use projections::{Actor, Id};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::operator::{OperatorRequest, ask};
use super::{DataArg, Failure, Outcome, note};
use crate::door::Doorman;
use crate::kernel::engine::NewToken;
use crate::kernel::identity::{ConfirmPolicy, Member, Token};
use crate::kernel::secret::Secret;
use crate::processor::Handle;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token; its value is shown once.
    Create(CreateArgs),
    /// List tokens.
    List(ListArgs),
    /// Revoke a token; what it has in flight can no longer be confirmed.
    Revoke(OneArgs),
    /// Give a token a new value; the old one is good for a while.
    Rotate(RotateArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    data: DataArg,
    /// What it is for, for example "Claude Desktop on Juan's laptop".
    #[arg(long)]
    name: String,
    /// The member it speaks for: handle or id; the first owner where left out.
    #[arg(long)]
    member: Option<String>,
    /// A profile or modules it is bound to.
    #[arg(long)]
    profile: Option<String>,
    /// What it may use, such as tasks.* or tasks.read; may be repeated. Everything the member may do where left out.
    #[arg(long)]
    scope: Vec<String>,
    /// It may only read.
    #[arg(long)]
    read_only: bool,
    /// Who must confirm what it proposes.
    #[arg(long, value_parser = ["self", "human", "dual"], default_value = "self")]
    confirm: String,
    /// Ask in the client, where it can be asked.
    #[arg(long)]
    elicit: bool,
    /// How long it is good, for example 90d or 12h.
    #[arg(long)]
    expires: Option<String>,
    /// The word in the middle of the token.
    #[arg(long, default_value = "live")]
    env: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArg,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct OneArgs {
    #[command(flatten)]
    data: DataArg,
    /// The token's id (tok_…), not its value.
    id: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct RotateArgs {
    #[command(flatten)]
    data: DataArg,
    /// The token's id (tok_…), not its value.
    id: String,
    /// How long the old value stays good.
    #[arg(long, default_value = "1h")]
    overlap: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// An operation on tokens, as a running server takes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenRequest {
    Create {
        member: Option<String>,
        wanted: Box<Wanted>,
    },
    List,
    Revoke {
        id: String,
    },
    Rotate {
        id: String,
        overlap_secs: i64,
    },
}

/// A token to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) env: String,
    pub(super) profile: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) read_only: bool,
    pub(super) confirm: ConfirmPolicy,
    pub(super) elicit: bool,
    pub(super) expires_at: Option<Timestamp>,
}

pub(super) async fn run(command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::Create(args) => {
            let (data, json) = (args.data.clone(), args.json);
            let reply = through(&data, request(args)?).await?;
            shown::one(&reply, json);
        }
        TokenCommand::List(args) => {
            let reply = through(&args.data, TokenRequest::List).await?;
            shown::all(&reply, args.json);
        }
        TokenCommand::Revoke(args) => {
            through(&args.data, TokenRequest::Revoke { id: args.id.clone() }).await?;
            note(&format!("{} is revoked", args.id));
        }
        TokenCommand::Rotate(args) => {
            let overlap_secs = seconds(&args.overlap)?;
            let reply = through(
                &args.data,
                TokenRequest::Rotate {
                    id: args.id,
                    overlap_secs,
                },
            )
            .await?;
            shown::one(&reply, args.json);
        }
    }
    Ok(())
}

fn request(args: CreateArgs) -> Result<TokenRequest, Failure> {
    if let Some(names) = &args.profile {
        crate::modules::profile::Selection::of_names(Some(names), false, &[]).map_err(|no| Failure::new(no.message))?;
    }
    if args.scope.iter().any(|scope| scope.trim().is_empty()) {
        return Err(Failure {
            code: 2,
            ..Failure::new("an empty --scope would mean nothing")
                .hint("write tasks.read, tasks.* or *, or leave --scope out")
        });
    }
    let expires_at = args
        .expires
        .as_deref()
        .map(seconds)
        .transpose()?
        .map(|secs| crate::data::now() + SignedDuration::from_secs(secs));
    let wanted = Wanted {
        name: args.name,
        env: args.env,
        profile: args.profile,
        scopes: if args.scope.is_empty() {
            vec!["*".to_owned()]
        } else {
            args.scope
        },
        read_only: args.read_only,
        confirm: ConfirmPolicy::of(&args.confirm).unwrap_or_default(),
        elicit: args.elicit,
        expires_at,
    };
    Ok(TokenRequest::Create {
        member: args.member,
        wanted: Box::new(wanted),
    })
}

/// `90d`, `12h`, `30m` as seconds.
fn seconds(text: &str) -> Result<i64, Failure> {
    let bad = || Failure {
        code: 2,
        ..Failure::new(format!("`{text}` is no duration; write 90d, 12h or 30m"))
    };
    if let Some(days) = text.strip_suffix('d') {
        return Ok(days
            .parse::<i64>()
            .ok()
            .filter(|days| (1..=36500).contains(days))
            .ok_or_else(bad)?
            * 86_400);
    }
    text.parse::<SignedDuration>()
        .ok()
        .map(|span| span.as_secs())
        .filter(|secs| *secs >= 0)
        .ok_or_else(bad)
}

async fn through(data: &DataArg, request: TokenRequest) -> Result<Value, Failure> {
    ask(data, OperatorRequest::Token(request)).await
}

/// Carries out one operation on an open directory.
pub(super) async fn carry_out(handle: &Handle, doorman: &Doorman, request: TokenRequest) -> Result<Value, Failure> {
    let operator = Actor {
        via: "cli".into(),
        ..Actor::system()
    };
    match request {
        TokenRequest::Create { member, wanted } => {
            let (org, member) = people::one(handle, member.as_deref()).await?;
            let (id, secret) = create(handle, doorman, &org, member, *wanted).await?;
            Ok(
                json!({"token": secret.reveal(), "id": id.to_string(), "prefix": secret.prefix(), "member": member.to_string()}),
            )
        }
        TokenRequest::List => Ok(shown::listed(handle)),
        TokenRequest::Revoke { id } => {
            let id = token_id(&id)?;
            operate(handle, move |engine, now| {
                engine.revoke_token(operator, id, now).map(|text| (vec![text], ()))
            })
            .await?;
            Ok(json!({"id": id.to_string()}))
        }
        TokenRequest::Rotate { id, overlap_secs } => {
            let (id, secret) = (token_id(&id)?, Secret::new("live", &crate::door::keys::random()?));
            let fresh = (doorman.hash(&secret), secret.prefix());
            operate(handle, move |engine, now| {
                let until = now + SignedDuration::from_secs(overlap_secs);
                engine
                    .rotate_token(operator, id, fresh, until, now)
                    .map(|text| (vec![text], ()))
            })
            .await?;
            Ok(json!({"token": secret.reveal(), "id": id.to_string(), "prefix": secret.prefix()}))
        }
    }
}

fn token_id(text: &str) -> Result<Id<Token>, Failure> {
    text.parse()
        .map_err(|_| Failure::new(format!("`{text}` is no token id")).hint("`orkestra token list` shows the ids"))
}

/// Creates a token for a member; the secret is not kept.
pub(super) async fn create(
    handle: &Handle,
    doorman: &Doorman,
    org: &str,
    member: Id<Member>,
    wanted: Wanted,
) -> Result<(Id<Token>, Secret), Failure> {
    let env_ok = !wanted.env.is_empty()
        && wanted.env.len() <= 10
        && wanted
            .env
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !env_ok {
        return Err(Failure {
            code: 2,
            ..Failure::new("--env must be 1 to 10 lower-case letters and digits")
        });
    }
    let secret = Secret::new(&wanted.env, &crate::door::keys::random()?);
    let new = NewToken {
        name: wanted.name,
        member,
        hash: doorman.hash(&secret),
        prefix: secret.prefix(),
        profile: wanted.profile,
        scopes: wanted.scopes,
        read_only: wanted.read_only,
        confirm: wanted.confirm,
        elicit: wanted.elicit,
        expires_at: wanted.expires_at,
    };
    let org = org.to_owned();
    let operator = Actor {
        via: "cli".into(),
        ..Actor::system()
    };
    let id = operate(handle, move |engine, now| {
        engine
            .create_token(operator, &org, new, now)
            .map(|(id, text)| (vec![text], id))
    })
    .await?;
    Ok((id, secret))
}

/// Runs an operation on the engine; its answer comes when it is durable.
async fn operate<T: Send + 'static>(
    handle: &Handle,
    run: impl FnOnce(&mut crate::kernel::Engine, Timestamp) -> Result<(Vec<String>, T), crate::kernel::engine::Refused>
    + Send
    + 'static,
) -> Result<T, Failure> {
    let answer = handle.ask(move |engine, now, _| match run(engine, now) {
        Ok((records, said)) => Ok((records, Ok(said))),
        Err(crate::kernel::engine::Refused::No(no)) => Ok((Vec::new(), Err(no.message))),
        Err(crate::kernel::engine::Refused::Unfit(unfit)) => Err(unfit),
    });
    answer
        .await
        .map_err(|no| Failure::new(no.message))?
        .map_err(Failure::new)
}
