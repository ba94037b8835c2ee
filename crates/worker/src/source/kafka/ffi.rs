//! What rdkafka does not wrap: the id of a topic; and who frees what such calls make.
#![expect(unsafe_code, reason = "calls into librdkafka that rdkafka has no safe wrapper for")]

use std::ffi::CString;
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};

/// Freed with `free` when dropped.
pub(super) struct Owned<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    /// `None` where nothing was made.
    pub(super) fn new(made: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        NonNull::new(made).map(|made| Self(made, free))
    }

    /// For calls while it is alive.
    pub(super) fn get(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `free` belongs to the call that made it, and this is the only owner.
        unsafe { (self.1)(self.0.as_ptr()) }
    }
}

/// Asks for a topic's id. `Ok(None)`: the broker knows no ids. An error is one to ask again after.
pub(super) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    within: Duration,
) -> Result<Option<[u8; 16]>, String> {
    let no_memory = || "out of memory".to_owned();
    let name = CString::new(topic).map_err(|error| error.to_string())?;
    let mut names = [name.as_ptr()];
    let rk = client.native_ptr();
    // SAFETY: the client outlives this call; what librdkafka makes is freed by `Owned`, in the reverse order, after the
    // last use; the names are copied by the collection; the result is read only while its event is alive.
    unsafe {
        let queue = Owned::new(native::rd_kafka_queue_new(rk), native::rd_kafka_queue_destroy).ok_or_else(no_memory)?;
        let topics = Owned::new(
            native::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr().cast(), 1),
            native::rd_kafka_TopicCollection_destroy,
        )
        .ok_or_else(no_memory)?;
        let options = Owned::new(
            native::rd_kafka_AdminOptions_new(rk, native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
            native::rd_kafka_AdminOptions_destroy,
        )
        .ok_or_else(no_memory)?;
        let within_ms = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
        let mut reason = [0; 256];
        native::rd_kafka_AdminOptions_set_request_timeout(options.get(), within_ms, reason.as_mut_ptr(), reason.len());
        native::rd_kafka_DescribeTopics(rk, topics.get(), options.get(), queue.get());
        let event = native::rd_kafka_queue_poll(queue.get(), within_ms.saturating_add(500));
        let event = Owned::new(event, native::rd_kafka_event_destroy).ok_or_else(|| "no answer".to_owned())?;
        match native::rd_kafka_event_error(event.get()) {
            native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {}
            native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE => return Ok(None),
            code => return Err(rdkafka::error::RDKafkaErrorCode::from(code).to_string()),
        }
        let result = native::rd_kafka_event_DescribeTopics_result(event.get());
        if result.is_null() {
            return Err("another answer than asked for".to_owned());
        }
        let mut count = 0;
        let found = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if found.is_null() || count == 0 {
            return Err("an answer without the topic".to_owned());
        }
        let error = native::rd_kafka_TopicDescription_error(*found);
        let code = native::rd_kafka_error_code(error);
        if code != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(rdkafka::error::RDKafkaErrorCode::from(code).to_string());
        }
        let id = native::rd_kafka_TopicDescription_topic_id(*found);
        if id.is_null() {
            return Ok(None);
        }
        let halves = [
            native::rd_kafka_Uuid_most_significant_bits(id).to_be_bytes(),
            native::rd_kafka_Uuid_least_significant_bits(id).to_be_bytes(),
        ];
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&halves[0]);
        bytes[8..].copy_from_slice(&halves[1]);
        Ok((bytes != [0; 16]).then_some(bytes))
    }
}
