//! What a test that is run by hand is told by the environment.

use std::str::FromStr;

/// A number: how many times, how long, how much.
#[expect(
    clippy::disallowed_methods,
    reason = "a test that is run by hand for longer is told so by the environment"
)]
pub fn number<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}
