//! Topics of a benchmark's own.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

/// How many partitions they have.
pub(crate) const PARTITIONS: i32 = 3;

/// Creates them; those that are there stay.
pub(crate) fn create(bootstrap: &str, topics: &[String]) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin client");
    let new = |topic| NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
    let topics: Vec<NewTopic<'_>> = topics.iter().map(|topic| new(topic)).collect();
    let created = admin.create_topics(&topics, &AdminOptions::new());
    block_on(created).expect("the broker answers");
}

/// The admin client's answer comes from librdkafka's own thread; nothing else is awaited here.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
