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
