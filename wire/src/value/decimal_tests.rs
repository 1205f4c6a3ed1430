//! Decimals against Debezium's records and a slow oracle.

use proptest::prelude::*;

use super::*;

fn written(write: impl FnOnce(&mut Scratch, &mut Vec<u8>) -> Result<(), Unfit>) -> String {
    let mut out = Vec::new();
    write(&mut Scratch::default(), &mut out).expect("a value");
    String::from_utf8(out).expect("JSON is UTF-8")
}

#[track_caller]
fn check(text: &str, scale: usize, base64: &str) {
    let json = written(|scratch, out| precise(text.as_bytes(), scale, scratch, out));
    assert_eq!(json, format!("\"{base64}\""), "{text}");
}

#[test]
fn fixed_scale_is_the_unscaled_number_in_base64() {
    check("1.10", 2, "bg==");
    check(
        "12345678901234567890123456789012345678",
        0,
        "CUmw9vACMxPESZBQ3jjzTg==",
    );
    check("0.00123", 5, "ew==");
    check("-0.00999", 5, "/Bk=");
    check("0.0000000001", 10, "AQ==");
    check("1234567890.0123456789", 10, "AKtUqYyo5NUV");
    check("-99999999.99", 2, "/av0HAE=");
    check("0.00", 2, "AA==");
    check("-0.01", 2, "/w==");
    check("1.5", 10, "A34R1gA=");
    check("3.1", 2, "ATY=");
    check("-128", 0, "gA==");
    check("128", 0, "AIA=");
}

#[test]
fn a_free_scale_is_stripped_of_trailing_zeros() {
    let check = |text: &str, json: &str| {
        let actual = written(|scratch, out| variable(text.as_bytes(), scratch, out));
        assert_eq!(actual, json, "{text}");
    };
    check(
        "123456789.987654321000",
        r#"{"scale":9,"value":"AbabS+BS+rE="}"#,
    );
    check("0.00000000000000000001", r#"{"scale":20,"value":"AQ=="}"#);
    check(
        "1000000000000000000000000000000",
        r#"{"scale":0,"value":"DJ8snNBGdO3qQAAAAA=="}"#,
    );
    check("0", r#"{"scale":0,"value":"AA=="}"#);
    check("1.0", r#"{"scale":0,"value":"AQ=="}"#);
    check("100", r#"{"scale":0,"value":"ZA=="}"#);
}

#[test]
fn text_keeps_or_gains_decimals() {
    let check = |text: &str, scale, json: &str| {
        assert_eq!(written(|_, out| string(text.as_bytes(), scale, out)), json);
    };
    check("7", None, "\"7\"");
    check("8.00", Some(2), "\"8.00\"");
    check("100", Some(3), "\"100.000\"");
    check("NaN", Some(2), "\"NAN\"");
    check("Infinity", None, "\"POSITIVE_INFINITY\"");
    check("-Infinity", None, "\"NEGATIVE_INFINITY\"");
}

#[test]
fn what_is_not_finite_is_null_when_precise() {
    let scratch = &mut Scratch::default();
    for text in [&b"NaN"[..], b"Infinity", b"-Infinity"] {
        assert_eq!(
            precise(text, 2, scratch, &mut Vec::new()),
            Err(Unfit::AsNull)
        );
        assert_eq!(variable(text, scratch, &mut Vec::new()), Err(Unfit::AsNull));
    }
    for text in [&b""[..], b"-", b".", b"1e5", b"1.2.3", b"1.234"] {
        assert_eq!(
            precise(text, 2, scratch, &mut Vec::new()),
            Err(Unfit::Malformed)
        );
    }
}

#[test]
fn money_loses_its_ornaments() {
    let check = |text: &str, form, json: &str| {
        let actual = written(|scratch, out| money(text.as_bytes(), form, scratch, out));
        assert_eq!(actual, json, "{text} {form:?}");
    };
    let precise = Money::Precise { digits: 2 };
    check("$1,234.56", precise, "\"AeJA\"");
    check("-$0.01", precise, "\"/w==\"");
    check("$92,233,720,368,547,758.07", precise, "\"f/////////8=\"");
    check("($5.00)", precise, "\"/gw=\"");
    check("€5.00", precise, "\"AfQ=\"");
    check("$9.99", Money::Precise { digits: 1 }, "\"ZA==\"");
    check("-$9.94", Money::Precise { digits: 1 }, "\"nQ==\"");
    check("$0.01", Money::Precise { digits: 4 }, "\"ZA==\"");
    check("$1,234.56", Money::Double, "1234.56");
    check("-$0.50", Money::String { digits: 2 }, "\"-0.50\"");
}

proptest! {
    #[test]
    fn small_and_large_arithmetic_agree(value in any::<i64>(), scale in 0_usize..12) {
        let text = value.to_string();
        let (negative, digits) = (value < 0, text.trim_start_matches('-'));
        let (mut limbs, mut bytes) = (Vec::new(), Vec::new());
        let zeros = std::iter::repeat_n(0, scale);
        big(digits.bytes().map(|digit| digit - b'0').chain(zeros), negative, &mut limbs, &mut bytes);
        let exact = i128::from(value) * 10_i128.pow(u32::try_from(scale).expect("small"));
        let exact = exact.to_be_bytes();
        prop_assert_eq!(shortest(&bytes), shortest(&exact));
    }
}
