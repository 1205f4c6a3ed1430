//! Records that no table can take go to the dead-letter topic; the rest of the batch lands.

use rdkafka::Message;
use rdkafka::message::{Headers, OwnedMessage};
use walcast_sink::hook::Step;

use crate::support::{Case, Counts, CrashAt, event, outbox};

fn header(record: &OwnedMessage, name: &str) -> String {
    let headers = record.headers().unwrap();
    let found = headers.iter().find(|header| header.key == name).unwrap();
    String::from_utf8(found.value.unwrap().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_set_aside_with_where_and_why_and_the_rest_lands() {
    let case = Case::new("poison", 1).await;
    let updated = event(2).replace(r#""op":"c""#, r#""op":"u""#);
    let bad_payload = outbox(4, "event", "EVENT_CREATED", "2026-01-15T12:00:00Z", "{}");
    let records = [
        event(0),
        "not json".into(),
        event(1),
        updated,
        event(3),
        bad_payload,
        event(5),
    ];
    case.produce(0, records.clone()).await;
    let sink = case.start().await;
    case.expect(&[(0, 7)], Counts::of(4, 0)).await;

    let letters = case.dead_letters(3);
    for (letter, (offset, says)) in
        letters
            .iter()
            .zip([(1, "envelope"), (3, "op is u"), (5, "payload")])
    {
        assert_eq!(letter.payload().unwrap(), records[offset].as_bytes());
        assert_eq!(letter.key().unwrap(), br#"{"id":1}"#);
        assert_eq!(header(letter, "walcast.topic"), case.name);
        assert_eq!(header(letter, "walcast.partition"), "0");
        assert_eq!(header(letter, "walcast.offset"), offset.to_string());
        let reason = header(letter, "walcast.reason");
        assert!(reason.contains(says), "{reason}");
    }

    // A batch of nothing but poison moves the position too.
    case.produce(0, ["[]".into()]).await;
    case.expect(&[(0, 8)], Counts::of(4, 0)).await;
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_insert_sends_letters_again_and_rows_once() {
    let case = Case::new("poison_crash", 1).await;
    case.produce(0, [event(0), "{".into(), event(1)]).await;
    case.start_with(CrashAt::new(Step::DeadLettersAcked))
        .await
        .ended()
        .await
        .unwrap_err();
    let sink = case.start().await;
    case.expect(&[(0, 3)], Counts::of(2, 0)).await;
    for letter in case.dead_letters(2) {
        assert_eq!(header(&letter, "walcast.offset"), "1");
    }
    sink.stop().await.unwrap();
    case.drop().await;
}
