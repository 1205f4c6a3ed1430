//! The difference of two means with Welch's interval. Pure.
//!
//! Source: B. L. Welch, "The generalization of 'Student's' problem when several different population
//! variances are involved", Biometrika 34 (1947), with Satterthwaite's degrees of freedom.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};
use utoipa::ToSchema;

use super::number;

/// A sample, by what the test needs of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) n: u64,
    pub(super) mean: f64,
    /// Unbiased: over n - 1.
    pub(super) variance: f64,
}

/// How far a variant's mean is from the control's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct Difference {
    /// Variant less control.
    #[serde(serialize_with = "number::plain")]
    pub(super) absolute: f64,
    /// The absolute difference over the control's mean; `null` when that is 0.
    #[serde(serialize_with = "number::plain_or_null")]
    pub(super) relative: Option<f64>,
    /// 95 % confidence interval of the absolute difference.
    pub(super) interval: [f64; 2],
    /// Two-sided.
    pub(super) p_value: f64,
    pub(super) degrees_of_freedom: f64,
}

/// `None` when a sample has fewer than two members, or when neither varies.
pub(super) fn difference(variant: Sample, control: Sample) -> Option<Difference> {
    if variant.n < 2 || control.n < 2 {
        return None;
    }
    let of_variant = variant.variance / variant.n as f64;
    let of_control = control.variance / control.n as f64;
    let squared_error = of_variant + of_control;
    if squared_error.is_nan() || squared_error <= 0.0 {
        return None;
    }
    let degrees_of_freedom = squared_error.powi(2)
        / (of_variant.powi(2) / (variant.n - 1) as f64
            + of_control.powi(2) / (control.n - 1) as f64);
    let t = StudentsT::new(0.0, 1.0, degrees_of_freedom).ok()?;
    let absolute = variant.mean - control.mean;
    let error = squared_error.sqrt();
    let margin = t.inverse_cdf(0.975) * error;
    Some(Difference {
        absolute,
        relative: (control.mean != 0.0).then(|| absolute / control.mean),
        interval: [absolute - margin, absolute + margin],
        p_value: 2.0 * t.cdf(-(absolute / error).abs()),
        degrees_of_freedom,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Sample {
            n: values.len() as u64,
            mean,
            variance: squares / (n - 1.0),
        }
    }

    /// R's documentation of t.test: `t.test(extra ~ group, data = sleep)`, Student's own data.
    #[test]
    fn it_gives_what_r_gives_for_the_sleep_data() {
        let first = sample(&[0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]);
        let second = sample(&[1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]);
        let found = difference(first, second).expect("both vary");
        let near = |value: f64, expected: f64, digits: f64| {
            assert!(
                (value - expected).abs() < digits,
                "{value} is not {expected}"
            );
        };
        near(found.absolute, -1.58, 1e-12);
        near(found.interval[0], -3.365_483_2, 1e-6);
        near(found.interval[1], 0.205_483_2, 1e-6);
        near(found.p_value, 0.079_394, 1e-5);
        near(found.degrees_of_freedom, 17.776_47, 1e-4);
    }

    #[test]
    fn nothing_is_said_without_variation_or_members() {
        let flat = Sample {
            n: 10,
            mean: 1.0,
            variance: 0.0,
        };
        assert_eq!(difference(flat, flat), None);
        assert_eq!(
            difference(
                Sample { n: 1, ..flat },
                Sample {
                    variance: 1.0,
                    ..flat
                }
            ),
            None
        );
    }
}
