//! Brings the shards' outputs into the records' order. The result does not depend on how many shards there were (I3).

use std::cmp::Ordering;

use super::{Output, OutputKind};

/// Merges streams that are each in order into one.
///
/// By record; before a record the windows that it closed, by end, then symbol. Everything of a record itself comes from
/// one stream and keeps its order there.
pub(super) fn merge(streams: Vec<Vec<Output>>, into: &mut Vec<Output>) {
    into.clear();
    let mut heads: Vec<(Output, std::vec::IntoIter<Output>)> = streams
        .into_iter()
        .filter_map(|stream| {
            let mut rest = stream.into_iter();
            rest.next().map(|first| (first, rest))
        })
        .collect();
    while heads.len() > 1 {
        let mut least = 0;
        for candidate in 1..heads.len() {
            if compare(&heads[candidate].0, &heads[least].0) == Ordering::Less {
                least = candidate;
            }
        }
        let next = heads[least].1.next();
        match next {
            Some(next) => into.push(std::mem::replace(&mut heads[least].0, next)),
            None => into.push(heads.remove(least).0),
        }
    }
    for (first, rest) in heads {
        into.push(first);
        into.extend(rest);
    }
}

fn compare(a: &Output, b: &Output) -> Ordering {
    a.record.cmp(&b.record).then_with(|| b.before_record.cmp(&a.before_record)).then_with(|| match (&a.kind, &b.kind) {
        (OutputKind::Agg(a), OutputKind::Agg(b)) => (a.1.end_ms, &a.0).cmp(&(b.1.end_ms, &b.0)),
        _ => Ordering::Equal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;
    use crate::window::Aggregate;

    fn raw(record: u32) -> Output {
        Output { record, shard: 0, before_record: false, kind: OutputKind::Raw }
    }

    fn fired(record: u32, end_ms: i64, symbol: &str) -> Output {
        let aggregate = Aggregate {
            start_ms: 0,
            end_ms,
            first_event_ms: 0,
            orders: 0,
            buys: 0,
            sells: 0,
            total: Decimal::ZERO,
            average: Decimal::ZERO,
            min: Decimal::ZERO,
            max: Decimal::ZERO,
            revision: 1,
        };
        Output { record, shard: 0, before_record: true, kind: OutputKind::Agg(Box::new((symbol.into(), aggregate))) }
    }

    fn shape(outputs: &[Output]) -> Vec<String> {
        let one = |output: &Output| match &output.kind {
            OutputKind::Agg(result) => format!("{}:{}@{}", output.record, result.0, result.1.end_ms),
            _ => format!("{}", output.record),
        };
        outputs.iter().map(one).collect()
    }

    // I3: the same outputs, however they were dealt to shards.
    #[test]
    fn the_order_is_the_records_whatever_the_shards() {
        let all =
            [raw(0), fired(1, 5, "A"), fired(1, 5, "C"), fired(1, 9, "B"), raw(1), raw(1), raw(2), fired(3, 1, "A")];
        let expected = ["0", "1:A@5", "1:C@5", "1:B@9", "1", "1", "2", "3:A@1"];
        // Everything of one record that is not a fired window comes from one shard.
        let deals: [&[usize]; 3] = [&[0; 8], &[1, 0, 1, 0, 2, 2, 0, 1], &[3, 2, 1, 0, 1, 1, 1, 3]];
        for deal in deals {
            let mut streams = vec![Vec::new(); 4];
            for (output, &shard) in all.iter().zip(deal) {
                streams[shard].push(output.clone());
            }
            let mut merged = vec![raw(99)];
            merge(streams, &mut merged);
            assert_eq!(shape(&merged), expected);
        }
    }
}
