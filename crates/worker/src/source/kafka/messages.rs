//! Messages of a consumer's queue, many at a time: taken one by one each costs looks at the clock, an event and three locks,
//! which was a tenth of the worker's processor time.
#![expect(unsafe_code, reason = "calls into librdkafka that rdkafka has no safe wrapper for")]

use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;

use super::context::Context;
use super::ffi::Owned;

/// How many are taken at a time at most. They are off the queue's budget, so not too many.
const AT_A_TIME: usize = 256;

/// What is read of a message.
pub(super) struct Fetched<'a> {
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// Milliseconds since the Unix epoch; −1 where the message has none.
    pub(super) timestamp_ms: i64,
    /// The leader epoch that it was written under; −1 where the broker tells none.
    pub(super) leader_epoch: i32,
    pub(super) value: Option<&'a [u8]>,
}

impl<'a> Fetched<'a> {
    /// Of a message that rdkafka has taken.
    pub(super) fn of(message: &'a BorrowedMessage<'_>) -> Self {
        // SAFETY: the message lives as long as the borrow.
        unsafe { Self::read(message.ptr()) }
    }

    /// # Safety
    /// The message must live for `'a`.
    unsafe fn read(message: *const native::rd_kafka_message_t) -> Self {
        // SAFETY: the caller's word; the calls only read, and a payload has the length that stands beside it.
        unsafe {
            let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            let timestamp_ms = native::rd_kafka_message_timestamp(message, &raw mut kind);
            let known = kind != native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            let native::rd_kafka_message_t { partition, offset, payload, len, .. } = *message;
            Self {
                partition,
                offset,
                timestamp_ms: if known { timestamp_ms } else { -1 },
                leader_epoch: native::rd_kafka_message_leader_epoch(message),
                value: (!payload.is_null()).then(|| std::slice::from_raw_parts(payload.cast::<u8>(), len)),
            }
        }
    }
}

/// A message, or a consumer's error, that was taken off the queue; given back when dropped.
pub(super) struct Taken(NonNull<native::rd_kafka_message_t>);

impl Taken {
    /// The message, or what it says instead of one.
    pub(super) fn read(&self) -> Result<Fetched<'_>, KafkaError> {
        // SAFETY: it is ours until it is dropped, and what is read of it borrows from it.
        let message = unsafe { self.0.as_ref() };
        match message.err {
            // SAFETY: as above.
            native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(unsafe { Fetched::read(self.0.as_ptr()) }),
            native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                Err(KafkaError::PartitionEOF(message.partition))
            }
            code => Err(KafkaError::MessageConsumption(code.into())),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // SAFETY: this is the only owner, and the client is still there: `Messages` is dropped before it.
        unsafe { native::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// A consumer's queue, and what was taken off it and is not yet used.
pub(super) struct Messages {
    /// The next one last.
    taken: Vec<Taken>,
    queue: Owned<native::rd_kafka_queue_t>,
    /// Behind what is its.
    _consumer: Arc<BaseConsumer<Context>>,
}

impl Messages {
    /// Of what the consumer is assigned.
    ///
    /// # Errors
    /// The client has no such queue, or no memory.
    pub(super) fn of(consumer: &Arc<BaseConsumer<Context>>) -> Result<Self, KafkaError> {
        // SAFETY: the client outlives the queue, which is freed by `Owned`.
        let queue = unsafe {
            let made = native::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
            Owned::new(made, native::rd_kafka_queue_destroy)
        };
        let queue = queue.ok_or_else(|| KafkaError::ClientCreation("the consumer has no queue".to_owned()))?;
        Ok(Self { taken: Vec::with_capacity(AT_A_TIME), queue, _consumer: Arc::clone(consumer) })
    }

    /// The next one of those that were taken.
    pub(super) fn next(&mut self) -> Option<Taken> {
        self.taken.pop()
    }

    /// Takes what is there, without waiting; what was taken before must be used by then. Gives whether that was anything.
    pub(super) fn take(&mut self) -> bool {
        let mut taken = [null_mut(); AT_A_TIME];
        // SAFETY: the queue is alive, and the array has room for as many as are asked for.
        let count =
            unsafe { native::rd_kafka_consume_batch_queue(self.queue.get(), 0, taken.as_mut_ptr(), taken.len()) };
        let count = usize::try_from(count).unwrap_or_default();
        self.taken.extend(taken.iter().take(count).rev().filter_map(|taken| NonNull::new(*taken)).map(Taken));
        count > 0
    }
}
