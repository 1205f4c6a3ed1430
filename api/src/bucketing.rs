//! Which variant a user gets: a pure function of salt, user id, allocation and weights.
//!
//! In come an experiment's salt, traffic allocation and weights, and a user's id. Out comes a
//! variant or nothing. It never reads a clock, a counter or a random source, so any client in any
//! language can compute the same:
//!
//! 1. `point(purpose)` = the first 53 bits, big-endian, of
//!    `SHA-256("walcast/1/" + purpose + "/" + salt + "/" + user_id)`, divided by 2^53: a number
//!    from 0 up to but without 1, exact in every language that has IEEE 754 doubles.
//! 2. The gate: the user takes part if `point("gate") < traffic_allocation`.
//! 3. The variant: with weights in the order of variant ids, the first whose running sum exceeds
//!    `point("variant") * (sum of all weights)`.
//!
//! Gate and variant are drawn apart: with one draw, a change of the allocation would shift users
//! between variants. A salt holds no `/`, so no two (salt, user id) pairs share a text.
//! SHA-256 has no measurable bias or correlation between salts, and is in every language at hand.
//!
//! Test vectors (salt, user id, gate, variant), also in the tests below:
//!
//! | salt | user id | `point("gate")` | `point("variant")` |
//! |---|---|---|---|
//! | `s` | `u` | 0.09433523405394262 | 0.08998321982439483 |
//! | `checkout-button` | `user-1` | 0.92855313498888 | 0.19506841362001748 |
//! | `checkout-button` | `user-2` | 0.9640407761014022 | 0.6296118138065007 |
//! | `9f2c1b7a` | `Zoë/🦀 7` | 0.7886741288326765 | 0.5528772994988297 |

use sha2::{Digest, Sha256};

/// What of an experiment decides who gets what.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The experiment's salt.
    pub salt: &'a str,
    /// Share of users that take part, 0 to 1.
    pub traffic_allocation: f64,
    /// Positive weights, in the order of variant ids; only their ratios matter.
    pub weights: &'a [f64],
}

/// The index of the variant that `user_id` gets, or `None` when the gate keeps the user out.
#[must_use]
pub fn assign(rules: Rules<'_>, user_id: &str) -> Option<usize> {
    if point(Purpose::Gate, rules.salt, user_id) >= rules.traffic_allocation {
        return None;
    }
    pick(rules.weights, point(Purpose::Variant, rules.salt, user_id))
}

/// What a point is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Whether the user takes part.
    Gate,
    /// Which variant the user gets.
    Variant,
}

/// The user's place in `[0, 1)` for one purpose.
#[must_use]
pub fn point(purpose: Purpose, salt: &str, user_id: &str) -> f64 {
    let purpose = match purpose {
        Purpose::Gate => "gate",
        Purpose::Variant => "variant",
    };
    let digest = Sha256::new()
        .chain_update("walcast/1/")
        .chain_update(purpose)
        .chain_update("/")
        .chain_update(salt)
        .chain_update("/")
        .chain_update(user_id)
        .finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    // 53 bits and 2^53 are exact in a double, and so is the quotient.
    (u64::from_be_bytes(head) >> 11) as f64 / (1_u64 << 53) as f64
}

fn pick(weights: &[f64], point: f64) -> Option<usize> {
    let total: f64 = weights.iter().sum();
    let target = point * total;
    let mut sum = 0.0;
    let found = weights.iter().position(|weight| {
        sum += weight;
        target < sum
    });
    // Rounding can put the target at the very end, which belongs to the last variant.
    found.or(weights.len().checked_sub(1))
}

#[cfg(test)]
mod tests;
