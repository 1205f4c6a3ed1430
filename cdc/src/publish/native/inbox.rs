//! A producer's way out: events, among them deliveries.

use std::ffi::c_int;

use rdkafka::ClientContext;
use rdkafka::bindings as sys;
use rdkafka::producer::Producer;

use super::event::Event;
use super::handles::{Headers, Queue};
use super::{Client, Returned};
use crate::publish::deliveries::Outcome;

/// How long one wait for an event takes when none comes.
const WAIT_MS: c_int = 100;

/// Takes a producer's events, on one thread.
pub(in crate::publish) struct Inbox {
    queue: Queue,
    /// Header lists of the event at hand.
    lists: Vec<Headers>,
    returned: Returned,
    // Last, since the queue must be let go before its client is.
    client: Client,
}

impl Inbox {
    pub(super) fn new(client: Client, returned: Returned) -> Self {
        Self {
            queue: Queue::of(&client),
            lists: Vec::new(),
            returned,
            client,
        }
    }

    /// Takes one event, or returns when none has come for a while or the wait was interrupted.
    pub(in crate::publish) fn poll(&mut self) {
        let Some(event) = self.queue.event(WAIT_MS) else {
            return;
        };
        let context = self.client.client().context();
        match event.kind() {
            sys::RD_KAFKA_EVENT_DR => self.count(&event),
            sys::RD_KAFKA_EVENT_ERROR => {
                let (error, reason) = event.error();
                context.error(error, &reason);
            }
            sys::RD_KAFKA_EVENT_LOG => {
                if let Some((level, facility, line)) = event.log() {
                    context.log(level, &facility, &line);
                }
            }
            sys::RD_KAFKA_EVENT_STATS => context.stats_raw(event.statistics().as_bytes()),
            _ => {}
        }
    }

    /// Counts deliveries: those of one batch in a row at once.
    fn count(&mut self, event: &Event) {
        let deliveries = self.client.client().context();
        let (mut seq, mut delivered) = (0, 0);
        for delivery in event.deliveries() {
            self.lists.extend(delivery.headers);
            if delivery.outcome != Outcome::Delivered {
                deliveries.note(delivery.tag.seq, 1, delivery.outcome);
            } else if delivery.tag.seq == seq {
                delivered += 1;
            } else {
                deliveries.note(seq, delivered, Outcome::Delivered);
                (seq, delivered) = (delivery.tag.seq, 1);
            }
        }
        deliveries.note(seq, delivered, Outcome::Delivered);
        self.returned.lists().append(&mut self.lists);
    }
}
