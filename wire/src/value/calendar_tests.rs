//! The calendar against known days and itself.

use proptest::prelude::*;

use super::*;

#[test]
fn known_days() {
    for (year, month, day, days) in [
        (1970, 1, 1, 0),
        (2024, 3, 15, 19_797),
        (1, 1, 1, -719_162),
        (-43, 3, 15, -735_160),
    ] {
        assert_eq!(days_from_civil(year, month, day), days);
    }
}

#[test]
fn offsets_move_a_stamp_to_utc_across_midnight() {
    let check = |text: &str, days, us| {
        assert_eq!(
            stamp(text.as_bytes()),
            Ok(Extended::Finite(Stamp { days, us })),
            "{text}"
        );
    };
    check("1970-01-01 00:00:00+00", 0, 0);
    check("1970-01-01 00:00:00.5+01", -1, DAY_US - 3_599_500_000);
    check("1969-12-31 19:00:00-05:30", 0, 1_800_000_000);
    check("1970-01-01", 0, 0);
    check("0044-03-15 12:00:00 BC", -735_160, DAY_US / 2);
    for bad in [
        "",
        "x",
        "2024-13-01",
        "2024-01-01 00",
        "2024-01-01 BCE",
        "2024-1",
    ] {
        assert_eq!(stamp(bad.as_bytes()), Err(Unfit::Malformed), "{bad}");
    }
}

proptest! {
    #[test]
    fn days_and_dates_are_inverse(days in -200_000_000_i64..200_000_000) {
        let (year, month, day) = civil_from_days(days);
        prop_assert_eq!(days_from_civil(year, month, day), days);
        prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day));
    }

    #[test]
    fn the_next_day_is_the_next_date(days in -2_000_000_i64..2_000_000) {
        let (today, tomorrow) = (civil_from_days(days), civil_from_days(days + 1));
        prop_assert!(tomorrow > today);
        prop_assert!(tomorrow.2 == today.2 + 1 || tomorrow.2 == 1);
    }

    #[test]
    fn any_text_is_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = (date(&text), time(&text), time_tz(&text), stamp(&text));
    }
}
