//! What the client hands out, each with its end: a topic's handle, a list of headers, the queue of
//! events.

use std::ffi::{CString, c_int, c_void};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use rdkafka::bindings as sys;
use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaRespErr;

use super::Client;
use super::event::Event;
use crate::batch::Published;
use crate::error::{EngineError, Result};

/// A topic's handle, held open. It must be let go before its client is.
pub(super) struct Topic(NonNull<sys::rd_kafka_topic_t>);

// SAFETY: handles may be used by any thread, as all of the client's functions.
unsafe impl Send for Topic {}

impl Topic {
    pub(super) fn open(client: &Client, name: &str) -> Result<Self> {
        let no_topic = || EngineError::definite(format!("{name:?} cannot be a topic's name"));
        let c_name = CString::new(name).map_err(|e| no_topic().because(e))?;
        let client = client.client().native_ptr();
        // SAFETY: the client is open and the name ends with 0; null means the client's own settings.
        let topic = unsafe { sys::rd_kafka_topic_new(client, c_name.as_ptr(), ptr::null_mut()) };
        NonNull::new(topic).map(Self).ok_or_else(no_topic)
    }

    pub(super) fn handle(&self) -> *mut sys::rd_kafka_topic_t {
        self.0.as_ptr()
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: opened by `open` and let go only here; records that need it keep it themselves.
        unsafe { sys::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}

/// A list of headers, owned.
pub(super) struct Headers(NonNull<sys::rd_kafka_headers_t>);

// SAFETY: the list is memory that is tied to no thread, and only its owner uses it.
unsafe impl Send for Headers {}

impl Headers {
    pub(super) fn of(record: &Published<'_>) -> Result<Self> {
        let no_memory = || EngineError::transient("no memory for a record's headers");
        let headers = record.headers();
        // SAFETY: it only allocates; the count is the size that the list begins with.
        let list = unsafe { sys::rd_kafka_headers_new(headers.len()) };
        let list = NonNull::new(list).map(Self).ok_or_else(no_memory)?;
        for (name, value) in headers {
            let (value, value_len) = raw(value);
            // SAFETY: the list is ours; both texts are valid for their lengths, and are copied.
            let code = unsafe {
                sys::rd_kafka_header_add(
                    list.0.as_ptr(),
                    name.as_ptr().cast(),
                    name.len().cast_signed(),
                    value,
                    value_len.cast_signed(),
                )
            };
            if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(no_memory());
            }
        }
        Ok(list)
    }

    /// Takes a list over.
    ///
    /// # Safety
    /// It is null, or a list that nobody else owns.
    pub(super) unsafe fn from_raw(list: *mut sys::rd_kafka_headers_t) -> Option<Self> {
        NonNull::new(list).map(Self)
    }

    /// Gives the list away.
    pub(super) fn into_raw(self) -> *mut sys::rd_kafka_headers_t {
        ManuallyDrop::new(self).0.as_ptr()
    }
}

impl Drop for Headers {
    fn drop(&mut self) {
        // SAFETY: the list is ours; one that is given away goes by `into_raw` and is not dropped.
        unsafe { sys::rd_kafka_headers_destroy(self.0.as_ptr()) };
    }
}

/// The queue of a client's events, held open. It must be let go before its client is.
pub(super) struct Queue(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: the queue may be used by any thread, as all of the client's functions.
unsafe impl Send for Queue {}

impl Queue {
    pub(super) fn of(client: &Client) -> Self {
        // SAFETY: the client is open; each call opens the queue once more, and `drop` lets that go.
        let queue = unsafe { sys::rd_kafka_queue_get_main(client.client().native_ptr()) };
        Self(NonNull::new(queue).expect("every client has a queue of events"))
    }

    /// Waits for an event.
    pub(super) fn event(&self, wait_ms: c_int) -> Option<Event> {
        // SAFETY: the queue is open; an event that it gives is ours, and is destroyed by `Event`.
        unsafe { Event::from_raw(sys::rd_kafka_queue_poll(self.0.as_ptr(), wait_ms)) }
    }

    /// Ends another thread's wait for an event.
    pub(super) fn interrupt(&self) {
        // SAFETY: the queue is open.
        unsafe { sys::rd_kafka_queue_yield(self.0.as_ptr()) };
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: opened by `of` and let go only here.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) };
    }
}

/// Pointer and length as the client takes them; null is no value at all. It only reads there.
pub(super) fn raw(bytes: Option<&[u8]>) -> (*mut c_void, usize) {
    bytes.map_or((ptr::null_mut(), 0), |bytes| {
        (bytes.as_ptr().cast_mut().cast(), bytes.len())
    })
}
