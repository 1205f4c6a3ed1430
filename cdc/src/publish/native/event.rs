//! An event out of the client's queue, and what can be read from it.

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use rdkafka::bindings as sys;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;

use super::handles::Headers;
use crate::publish::deliveries::{Outcome, Tag};

/// An event, owned.
pub(super) struct Event(NonNull<sys::rd_kafka_event_t>);

/// What became of one record.
pub(super) struct Delivery {
    pub(super) tag: Tag,
    pub(super) outcome: Outcome,
    /// Its headers, where they are to be used again.
    pub(super) headers: Option<Headers>,
}

impl Event {
    /// Takes an event over.
    ///
    /// # Safety
    /// It is null, or an event that nobody else owns.
    pub(super) unsafe fn from_raw(event: *mut sys::rd_kafka_event_t) -> Option<Self> {
        NonNull::new(event).map(Self)
    }

    pub(super) fn kind(&self) -> c_int {
        // SAFETY: the event is ours until `drop`.
        unsafe { sys::rd_kafka_event_type(self.0.as_ptr()) }
    }

    /// What became of the records, if the event tells of deliveries.
    pub(super) fn deliveries(&self) -> impl Iterator<Item = Delivery> {
        std::iter::from_fn(|| {
            // SAFETY: the event is ours. A message that it gives lives as long as it does, and is given
            // once.
            let message = unsafe { sys::rd_kafka_event_message_next(self.0.as_ptr()) };
            // SAFETY: null or such a message.
            (!message.is_null()).then(|| unsafe { read(message) })
        })
    }

    pub(super) fn error(&self) -> (KafkaError, String) {
        // SAFETY: the event is ours; its text, null if it is of no error, lives with it.
        let (code, text) = unsafe {
            let event = self.0.as_ptr();
            let code = sys::rd_kafka_event_error(event);
            (code, text(sys::rd_kafka_event_error_string(event)))
        };
        (KafkaError::Global(code.into()), text)
    }

    /// A line for the log.
    pub(super) fn log(&self) -> Option<(RDKafkaLogLevel, String, String)> {
        let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the event is ours; on success both texts are set and live with it.
        unsafe {
            let event = self.0.as_ptr();
            let failed = sys::rd_kafka_event_log(event, &mut facility, &mut line, &mut level) != 0;
            (!failed).then(|| (severity(level), text(facility), text(line)))
        }
    }

    /// The client's statistics, as JSON.
    pub(super) fn statistics(&self) -> String {
        // SAFETY: the event is ours; its text, null if it is of something else, lives with it.
        unsafe { text(sys::rd_kafka_event_stats(self.0.as_ptr())) }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event is ours, and destroyed only here.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) };
    }
}

/// Reads a message of an event of deliveries.
///
/// # Safety
/// The message is valid, and nobody else uses it.
unsafe fn read(message: *const sys::rd_kafka_message_t) -> Delivery {
    // SAFETY: the caller says that it is valid. Its value may be gone, with its batch; it is not looked
    // at, neither here nor where the client destroys the message.
    let (code, offset, opaque) = unsafe {
        (
            (*message).err,
            (*message).offset,
            (*message)._private.addr(),
        )
    };
    let tag = Tag::unpack(opaque);
    let mut list = ptr::null_mut();
    if tag.reuse_headers {
        // SAFETY: the message is valid, and only ours; the call moves its list, or leaves null.
        unsafe { sys::rd_kafka_message_detach_headers(message.cast_mut(), &mut list) };
    }
    Delivery {
        tag,
        outcome: match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR if offset < 0 => Outcome::Unproven,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Outcome::Delivered,
            code => Outcome::Failed(KafkaError::MessageProduction(code.into())),
        },
        // SAFETY: null, or a list that has just been taken out of its message.
        headers: unsafe { Headers::from_raw(list) },
    }
}

/// A text of the client's; empty for null.
///
/// # Safety
/// It is null, or ends with 0.
unsafe fn text(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller says that it ends with 0.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().trim().to_owned()
}

/// Syslog's levels.
fn severity(level: c_int) -> RDKafkaLogLevel {
    match level {
        ..=0 => RDKafkaLogLevel::Emerg,
        1 => RDKafkaLogLevel::Alert,
        2 => RDKafkaLogLevel::Critical,
        3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 => RDKafkaLogLevel::Notice,
        6 => RDKafkaLogLevel::Info,
        7.. => RDKafkaLogLevel::Debug,
    }
}
