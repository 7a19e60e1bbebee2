//! Rate limits: per token, two classes, the same for every transport. Refusals are folded, so that a flood cannot fill the
//! disk.

mod recall;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};
use jiff::Timestamp;

use crate::kernel::principal::Caller;
use crate::kernel::tool::{Quotas, Tool};

crate::choice! {
    /// The class that a request is charged to (catalogue section 0.7).
    pub enum Class {
        /// Everything else.
        Normal = "normal",
        /// Proposing sensitive and bulk writes.
        Sensitive = "sensitive",
    }
}

/// Requests a minute and token, by class.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Normal requests.
    pub normal_per_minute: NonZeroU32,
    /// Sensitive requests.
    pub sensitive_per_minute: NonZeroU32,
}

impl Rates {
    /// The rate of a class.
    pub const fn of(&self, class: Class) -> NonZeroU32 {
        match class {
            Class::Normal => self.normal_per_minute,
            Class::Sensitive => self.sensitive_per_minute,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        let told = Quotas::default();
        Self {
            normal_per_minute: NonZeroU32::new(told.normal_per_minute).unwrap_or(NonZeroU32::MIN),
            sensitive_per_minute: NonZeroU32::new(told.sensitive_per_minute).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// What the limits say to one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whose requests were counted, in words.
    pub whose: &'static str,
    /// The class it was charged to.
    pub class: Class,
    /// The class's quota a minute.
    pub quota: u32,
    /// Requests left right now.
    pub remaining: u32,
    /// `None` where it may pass; else how long to wait.
    pub retry_after: Option<Duration>,
}

/// Whose requests are counted together: the token, or the member where there is none.
type Account = String;

type Shared = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// Requests a minute of all who have no token together: as many as so many tokens have.
const ANONYMOUS_TOKENS: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

fn anonymous_per_minute(rates: Rates) -> NonZeroU32 {
    rates.normal_per_minute.saturating_mul(ANONYMOUS_TOKENS)
}

type Keyed = RateLimiter<Account, DefaultKeyedStateStore<Account>, DefaultClock, StateInformationMiddleware>;

/// Refusals of one caller and class that are not journaled yet.
#[derive(Clone, Debug)]
pub struct Refusals {
    /// Who.
    pub caller: Caller,
    /// The class.
    pub class: Class,
    /// How many.
    pub count: u64,
    /// The first.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
}

/// The limits, and what they refused since it was last journaled.
pub struct Limits {
    rates: Rates,
    normal: Keyed,
    sensitive: Keyed,
    /// All who came without a token together: nothing tells them apart.
    anonymous: Shared,
    refused: Mutex<BTreeMap<(Account, Class), Refusals>>,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Limits({:?})", self.rates)
    }
}

impl Limits {
    /// Fresh limits.
    pub fn new(rates: Rates) -> Self {
        let keyed = |per_minute| RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware();
        Self {
            rates,
            normal: keyed(rates.normal_per_minute),
            sensitive: keyed(rates.sensitive_per_minute),
            anonymous: RateLimiter::direct(Quota::per_minute(anonymous_per_minute(rates))).with_middleware(),
            refused: Mutex::default(),
        }
    }

    /// The class that calling a tool is charged to; `None` for requests that call none.
    pub fn class(tool: Option<&Tool>) -> Class {
        if tool.is_some_and(Tool::is_sensitive) {
            Class::Sensitive
        } else {
            Class::Normal
        }
    }

    /// Charges one request.
    pub fn charge(&self, caller: &Caller, class: Class, now: Timestamp) -> Verdict {
        let key = projections::actions::caller(&caller.actor()).to_owned();
        let quota = self.rates.of(class).get();
        let verdict = judged("with this token", class, quota, self.limiter(class).check_key(&key));
        if verdict.retry_after.is_some() {
            self.refuse(key, caller, class, now);
        }
        verdict
    }

    /// Charges one request of somebody without a token. Refusals are counted by the caller, not journaled.
    pub fn charge_anonymous(&self) -> Verdict {
        let quota = anonymous_per_minute(self.rates).get();
        judged(
            "without a token, all together,",
            Class::Normal,
            quota,
            self.anonymous.check(),
        )
    }

    fn limiter(&self, class: Class) -> &Keyed {
        match class {
            Class::Normal => &self.normal,
            Class::Sensitive => &self.sensitive,
        }
    }

    /// Takes what a caller used before out of a bucket that is full yet.
    fn used(&self, account: &str, class: Class, cells: f64) {
        let quota = self.rates.of(class);
        // A bucket holds at most its quota, so the number fits.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the quota"
        )]
        let cells = cells.ceil().min(f64::from(quota.get())) as u32;
        if let Some(cells) = NonZeroU32::new(cells) {
            drop(self.limiter(class).check_key_n(&account.to_owned(), cells));
        }
    }

    fn refuse(&self, key: Account, caller: &Caller, class: Class, now: Timestamp) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = refused.entry((key, class)).or_insert_with(|| Refusals {
            caller: caller.clone(),
            class,
            count: 0,
            from: now,
            to: now,
        });
        entry.count += 1;
        entry.to = now;
    }

    /// Takes the refusals since the last time, to journal them.
    pub fn take_refused(&self) -> Vec<Refusals> {
        let taken = std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_values().collect()
    }

    /// Forgets callers that have not been seen for a while.
    pub fn tidy(&self) {
        self.normal.retain_recent();
        self.sensitive.retain_recent();
    }
}

fn judged(
    whose: &'static str,
    class: Class,
    quota: u32,
    checked: Result<StateSnapshot, NotUntil<QuantaInstant>>,
) -> Verdict {
    let (remaining, retry_after) = match checked {
        Ok(state) => (state.remaining_burst_capacity(), None),
        Err(not_until) => {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            (0, Some(wait.max(Duration::from_millis(1))))
        }
    };
    Verdict {
        whose,
        class,
        quota,
        remaining,
        retry_after,
    }
}

/// What a refused request hears.
pub fn rejection(verdict: &Verdict, wait: Duration) -> crate::kernel::Rejection {
    let class = verdict.class.word();
    let mut no = crate::kernel::Rejection::new(
        "rate_limited",
        format!(
            "more than {} {class} requests a minute {}",
            verdict.quota, verdict.whose
        ),
    )
    .hint("wait as long as retryAfterMs says, then go on more slowly")
    .current(serde_json::json!({"class": class, "quota": verdict.quota, "remaining": verdict.remaining}));
    no.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
    no
}
