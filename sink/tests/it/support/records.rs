//! Records as the connector publishes them.

/// The envelope of an outbox row.
pub(crate) fn outbox(
    id: u64,
    aggregate_type: &str,
    event_type: &str,
    created_at: &str,
    payload: &str,
) -> String {
    let payload = serde_json::Value::String(payload.to_owned());
    format!(
        r#"{{"before":null,"after":{{"id":{id},"aggregate_type":"{aggregate_type}","aggregate_id":"a-{id}","event_type":"{event_type}","payload":{payload},"created_at":"{created_at}"}},"source":{{"version":"3.7.0.Final","connector":"postgresql","name":"experiments","ts_ms":1767225600000,"snapshot":"false","db":"experiments","sequence":"[null,\"{id}\"]","ts_us":1767225600000000,"ts_ns":1767225600000000000,"schema":"public","table":"outbox_events","txId":{id},"lsn":{id},"xmin":null,"origin":null,"origin_lsn":null}},"transaction":null,"op":"c","ts_ms":1767225600001,"ts_us":1767225600001000,"ts_ns":1767225600001000000}}"#
    )
}

/// An event that is worth 1.5; every third is an exposure, a click, a conversion.
pub(crate) fn event(id: u64) -> String {
    event_at(id, "2026-01-15T12:00:00.000001Z")
}

/// The same at a time of its own.
pub(crate) fn event_at(id: u64, at: &str) -> String {
    let kind = ["exposure", "click", "conversion"][usize::try_from(id % 3).unwrap()];
    let user = id % 7;
    let payload = format!(
        r#"{{"id": "e-{id}", "user_id": "u-{user}", "properties": "{{\"page\": \"/p\", \"value\": 1.5}}", "session_id": "s", "variant_id": 2, "event_type": "{kind}", "occurred_at": "{at}", "variant_key": "control", "experiment_id": 1}}"#
    );
    outbox(id, "event", "EVENT_CREATED", at, &payload)
}

/// An assignment.
pub(crate) fn assignment(id: u64) -> String {
    let payload = format!(
        r#"{{"id": {id}, "user_id": "u-{id}", "variant_id": 2, "assigned_at": "2026-01-15T12:00:00Z", "variant_key": "control", "experiment_id": 1}}"#
    );
    outbox(
        id,
        "assignment",
        "ASSIGNMENT_CREATED",
        "2026-01-15T12:00:00Z",
        &payload,
    )
}
