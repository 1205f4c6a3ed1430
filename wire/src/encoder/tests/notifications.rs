//! Notifications, as Debezium 3.7.0.Final emitted them.

use super::*;
use crate::pipeline::PipelineConfig;
use std::sync::Arc;

const ID: &str = "36a891b5-c93a-49fd-ba8e-297f49e92549";

fn scanned() -> [(&'static str, String); 4] {
    [
        ("data_collections", "public.a,public.b".to_owned()),
        ("scanned_collection", "public.a".to_owned()),
        ("total_rows_scanned", "3".to_owned()),
        ("status", "SUCCEEDED".to_owned()),
    ]
}

fn told(encoder: &mut Encoder, kind: &'static str, data: &[(&'static str, String)]) -> Vec<Kept> {
    let mut kept = Vec::new();
    let told = Notification::new(ID, ("Initial Snapshot", kind), data, "p", 1_795_427_677_515);
    encoder
        .notification(&told, &mut keep(&mut kept))
        .expect("it can be encoded");
    kept
}

fn to_topic() -> EncoderConfig {
    EncoderConfig {
        notification_topic: Some("p.told".to_owned()),
        ..config()
    }
}

#[test]
fn additional_data_stands_in_the_order_of_javas_map() {
    let mut encoder = encoder(to_topic());
    let collections = ("data_collections", "public.a".to_owned());
    let current = ("current_collection_in_progress", "public.a".to_owned());
    for (data, expected) in [
        (vec![], r#"{"connector_name":"p"}"#),
        (
            vec![collections.clone()],
            r#"{"connector_name":"p","data_collections":"public.a"}"#,
        ),
        (
            vec![current, collections],
            r#"{"current_collection_in_progress":"public.a","connector_name":"p","data_collections":"public.a"}"#,
        ),
        (
            scanned().to_vec(),
            r#"{"scanned_collection":"public.a","connector_name":"p","total_rows_scanned":"3","data_collections":"public.a,public.b","status":"SUCCEEDED"}"#,
        ),
    ] {
        let kept = told(&mut encoder, "STARTED", &data);
        let value = kept[0].value.as_deref().expect("a value");
        let whole = format!(
            r#"{{"id":"{ID}","type":"STARTED","aggregate_type":"Initial Snapshot","additional_data":{expected},"timestamp":1795427677515}}"#
        );
        assert_eq!(value, whole);
        assert_eq!(kept[0].topic, "p.told");
        assert_eq!(
            kept[0].key.as_deref(),
            Some(&*format!(r#"{{"id":"{ID}"}}"#))
        );
        assert_eq!(kept[0].headers, []);
    }
}

#[test]
fn without_a_topic_nothing_is_emitted() {
    assert_eq!(told(&mut encoder(config()), "STARTED", &[]), []);
}

#[test]
fn the_way_through_a_pipeline_comes_to_the_same() {
    let piped = EncoderConfig {
        pipeline: Some(Arc::new(PipelineConfig::default())),
        ..to_topic()
    };
    let with_schemas = EncoderConfig {
        key_schemas_enable: true,
        value_schemas_enable: true,
        ..to_topic()
    };
    let direct = told(&mut encoder(with_schemas), "STARTED", &scanned());
    assert_eq!(told(&mut encoder(piped), "STARTED", &scanned()), direct);
}

#[test]
fn printed_it_is_what_debezium_logs() {
    let data = [("data_collections", "public.a".to_owned())];
    let told = Notification::new("i", ("Initial Snapshot", "STARTED"), &data, "p", 7);
    assert_eq!(
        told.to_string(),
        "{id='i', aggregateType='Initial Snapshot', type='STARTED', additionalData={connector_name=p, data_collections=public.a}, timestamp=7}"
    );
}
