//! The market, written into a topic.

use super::*;

#[test]
fn the_market_goes_into_a_topic_that_is_created_for_it() {
    let Some(real) = Real::broker() else { return };
    let topic = unique("market");
    let market = MarketSettings { seed: 3, ..MarketSettings::default() };
    let generated = GenerateSettings { market, count: 5_000, rate: None };
    assert_eq!(real.generate(&topic, &generated).unwrap(), 5_000);
    let mut source = start(real.settings(&topic));
    let mut seen = collect(&mut source, 5_000);
    assert_eq!(source.partitions().len(), 3);
    seen.sort();
    let mut market = Market::new(&market);
    let mut next = [0; 3];
    let mut expected: Vec<_> = (0..5_000)
        .map(|_| {
            let message = market.generate();
            let next = &mut next[message.partition as usize];
            *next += 1;
            Seen {
                partition: message.partition,
                offset: *next - 1,
                timestamp_ms: message.timestamp_ms,
                value: message.value().map(<[u8]>::to_vec),
            }
        })
        .collect();
    expected.sort();
    assert!(seen == expected, "each message once, in order, in its partition");

    let other = real.topic(5);
    assert_eq!(real.generate(&other, &generated).unwrap(), 5_000);
    let partitions: std::collections::BTreeSet<_> =
        collect(&mut start(real.settings(&other)), 5_000).iter().map(|seen| seen.partition).collect();
    assert_eq!(partitions.len(), 5, "a topic that is there keeps its partitions, and all are used");
}

#[test]
fn generating_into_a_broker_that_is_not_there_names_it() {
    let generated = GenerateSettings { market: MarketSettings::default(), count: 1, rate: None };
    let error = support::generate("127.0.0.1:1", "t", &generated).unwrap_err().to_string();
    assert_eq!(error, "kafka: cannot reach 127.0.0.1:1 (Connection refused)");
}
