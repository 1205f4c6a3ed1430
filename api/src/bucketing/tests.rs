//! The published vectors, and the properties that make an experiment fair.

use super::*;

/// Computed with Python's hashlib, apart from this code.
const VECTORS: [(&str, &str, f64, f64); 4] = [
    ("s", "u", 0.09433523405394262, 0.08998321982439483),
    (
        "checkout-button",
        "user-1",
        0.92855313498888,
        0.19506841362001748,
    ),
    (
        "checkout-button",
        "user-2",
        0.9640407761014022,
        0.6296118138065007,
    ),
    (
        "9f2c1b7a",
        "Zoë/🦀 7",
        0.7886741288326765,
        0.5528772994988297,
    ),
];

#[test]
fn the_published_vectors_hold_to_the_last_bit() {
    for (salt, user, gate, variant) in VECTORS {
        assert_eq!(
            point(Purpose::Gate, salt, user).to_bits(),
            gate.to_bits(),
            "{salt} {user}"
        );
        assert_eq!(
            point(Purpose::Variant, salt, user).to_bits(),
            variant.to_bits(),
            "{salt} {user}"
        );
    }
}

#[test]
fn the_gate_takes_everyone_at_1_and_no_one_at_0() {
    for n in 0..1_000 {
        let user = format!("u{n}");
        let rules = Rules {
            salt: "s",
            traffic_allocation: 0.0,
            weights: &[1.0, 1.0],
        };
        assert_eq!(assign(rules, &user), None);
        assert!(
            assign(
                Rules {
                    traffic_allocation: 1.0,
                    ..rules
                },
                &user
            )
            .is_some()
        );
    }
}

#[test]
fn more_traffic_never_moves_a_user_to_another_variant() {
    for n in 0..10_000 {
        let user = format!("u{n}");
        let rules = Rules {
            salt: "s",
            traffic_allocation: 0.3,
            weights: &[1.0, 2.0, 1.0],
        };
        if let Some(variant) = assign(rules, &user) {
            assert_eq!(
                assign(
                    Rules {
                        traffic_allocation: 0.6,
                        ..rules
                    },
                    &user
                ),
                Some(variant)
            );
        }
    }
}

#[test]
fn picks_follow_the_running_sum() {
    let check = |weights: &[f64], point: f64, expected: Option<usize>| {
        assert_eq!(pick(weights, point), expected, "{weights:?} at {point}");
    };
    check(&[1.0, 3.0], 0.0, Some(0));
    check(&[1.0, 3.0], 0.249, Some(0));
    check(&[1.0, 3.0], 0.25, Some(1));
    check(&[1.0, 3.0], 0.999_999, Some(1));
    check(&[0.1, 0.2], 1.0, Some(1));
    check(&[], 0.5, None);
}

/// Pearson's statistic of `counts` against `expected`.
fn chi_squared(counts: &[u32], expected: &[f64]) -> f64 {
    counts
        .iter()
        .zip(expected)
        .map(|(n, e)| (f64::from(*n) - e).powi(2) / e)
        .sum()
}

#[test]
fn the_split_fits_the_weights() {
    let rules = Rules {
        salt: "split",
        traffic_allocation: 1.0,
        weights: &[1.0, 2.0, 7.0],
    };
    let mut counts = [0; 3];
    for n in 0..100_000 {
        counts[assign(rules, &format!("user-{n}")).expect("all take part")] += 1;
    }
    // The 0.999 quantile of chi-squared with 2 degrees of freedom is 13.82.
    let statistic = chi_squared(&counts, &[10_000.0, 20_000.0, 70_000.0]);
    assert!(statistic < 13.82, "{counts:?}: {statistic}");
}

#[test]
fn two_experiments_split_the_same_users_independently() {
    let mut counts = [0; 4];
    for n in 0..100_000 {
        let user = format!("user-{n}");
        let side = |salt| {
            let rules = Rules {
                salt,
                traffic_allocation: 1.0,
                weights: &[1.0, 1.0],
            };
            assign(rules, &user).expect("all take part")
        };
        counts[side("first") * 2 + side("second")] += 1;
    }
    // The 0.999 quantile of chi-squared with 3 degrees of freedom is 16.27.
    let statistic = chi_squared(&counts, &[25_000.0; 4]);
    assert!(statistic < 16.27, "{counts:?}: {statistic}");
}
