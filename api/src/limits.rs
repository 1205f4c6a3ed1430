//! Rate limits: per token, and per address for tokens that are not known yet.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};

use crate::config::LimitsConfig;
use crate::problem::{self, Problem};

type QuantaInstant = <DefaultClock as Clock>::Instant;

/// The limiters of one server.
pub(crate) struct RateLimits {
    clock: DefaultClock,
    tokens: DefaultKeyedRateLimiter<i64>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
}

impl RateLimits {
    pub(crate) fn new(config: &LimitsConfig) -> Self {
        let least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let per_token = Quota::per_second(least_one(config.rate_per_second_max))
            .allow_burst(least_one(config.rate_burst_max));
        let per_address = Quota::per_second(least_one(config.unknown_tokens_per_second_max));
        Self {
            clock: DefaultClock::default(),
            tokens: RateLimiter::keyed(per_token),
            addresses: RateLimiter::keyed(per_address),
        }
    }

    /// Counts one request of a token.
    pub(crate) fn count_token(&self, token_id: i64) -> Result<(), Problem> {
        self.tokens
            .check_key(&token_id)
            .map_err(|until| self.refuse(&until))
    }

    /// Counts one look at the database for a token that is not cached.
    pub(crate) fn count_unknown(&self, address: IpAddr) -> Result<(), Problem> {
        self.addresses
            .check_key(&address)
            .map_err(|until| self.refuse(&until))
    }

    /// Forgets addresses and tokens that are at rest.
    pub(crate) fn forget_idle(&self) {
        self.addresses.retain_recent();
        self.tokens.retain_recent();
    }

    fn refuse(&self, until: &NotUntil<QuantaInstant>) -> Problem {
        metrics::counter!("walcast_api_rate_limited_total").increment(1);
        let wait = until.wait_time_from(self.clock.now());
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let detail = format!(
            "{}; wait as long as Retry-After says",
            in_words(until.quota())
        );
        Problem::new(problem::TOO_MANY, detail).retry_after_s(seconds.max(1))
    }
}

/// A quota in words.
fn in_words(quota: Quota) -> String {
    let per_second = 1.0 / quota.replenish_interval().as_secs_f64();
    format!(
        "at most {per_second:.0} a second, {} at once",
        quota.burst_size()
    )
}
