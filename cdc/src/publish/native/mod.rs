//! Kafka's client without what its Rust wrapper spends on each record. All unsafe code of the engine
//! is in this folder.
//!
//! Records go in by their topic's handle, their values without a copy, their headers in lists that
//! come back with the deliveries and are used again. Deliveries come out by the event, hundreds at a
//! time, and are counted by the batch.

mod event;
mod handles;
mod inbox;
mod outbox;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::producer::{BaseProducer, Producer};

use self::handles::{Headers, Queue};
pub(super) use self::inbox::Inbox;
pub(super) use self::outbox::Outbox;
use super::deliveries::Deliveries;

pub(super) type Client = Arc<BaseProducer<Deliveries>>;

/// Header lists on their way back from delivered records; at most as many as records were in flight.
#[derive(Clone, Default)]
struct Returned(Arc<Mutex<Vec<Headers>>>);

impl Returned {
    fn lists(&self) -> MutexGuard<'_, Vec<Headers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way into a producer and the way out of it.
pub(super) fn ways(client: &Client) -> (Outbox, Inbox) {
    let returned = Returned::default();
    let outbox = Outbox::new(Arc::clone(client), returned.clone());
    (outbox, Inbox::new(Arc::clone(client), returned))
}

/// Makes the client send what it has without waiting for `linger.ms`, for so long, or until all is
/// acknowledged.
pub(super) fn push(client: &Client, hold_ms: std::ffi::c_int) {
    // SAFETY: the client is open. Events go on being taken by the inbox's thread, so the call only
    // waits; that it timed out is what it says when anything is left.
    unsafe { rdkafka::bindings::rd_kafka_flush(client.client().native_ptr(), hold_ms) };
}

/// Ends the wait of the producer's [`Inbox`] for an event.
pub(super) fn interrupt(client: &Client) {
    Queue::of(client).interrupt();
}
