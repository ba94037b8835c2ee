//! Connect's internal topics, made or mended in place.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checks::internal_topics::{FACTOR, Repair, WANTED, plan};
use crate::clients::kafka::KafkaAdmin;
use crate::commands::poll::{Found, Waited, until};
use crate::failure::{Failure, Result};

/// These topics are small: what is copied is a few megabytes at most.
pub(super) const TO_MOVE: Duration = Duration::from_mins(2);

/// What was done, and what was seen that cannot be mended and does not matter much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mended {
    pub(super) repairs: Vec<String>,
    pub(super) remarks: Vec<String>,
}

/// Makes what is missing, adds copies where there are too few, and waits until these are there.
pub(super) async fn ensure_internal_topics(
    admin: &KafkaAdmin,
    limit: Duration,
    mut say: impl FnMut(&str),
) -> Result<Mended> {
    let cluster = admin.cluster().await?;
    let mut policies = BTreeMap::new();
    for wanted in WANTED.iter().filter(|wanted| cluster.topic(wanted.name).is_some()) {
        if let Some(policy) = admin.setting(wanted.name, "cleanup.policy").await? {
            policies.insert(wanted.name.to_owned(), policy);
        }
    }
    let (repairs, remarks) = plan(&cluster, &policies)?;
    for repair in &repairs {
        say(&repair.to_string());
        match repair {
            Repair::Create(wanted) => {
                let partitions = i32::try_from(wanted.partitions).unwrap_or(i32::MAX);
                admin.create(wanted.name, partitions, FACTOR as i16, &[("cleanup.policy", "compact")]).await?;
            }
            Repair::Grow { topic, to, .. } => admin.reassign(topic, to).await?,
            Repair::Compact { topic, .. } => admin.set(topic, "cleanup.policy", "compact").await?,
        }
    }
    // Also what an `up` that was cut off has begun.
    wait_until_copied(admin, limit, &mut say).await?;
    Ok(Mended { repairs: repairs.iter().map(ToString::to_string).collect(), remarks })
}

async fn wait_until_copied(admin: &KafkaAdmin, limit: Duration, mut say: impl FnMut(&str)) -> Result<()> {
    let copied = async || {
        let mut moving = Vec::new();
        for wanted in WANTED {
            let cluster = admin.cluster().await?;
            let Some(topic) = cluster.topic(wanted.name) else {
                moving.push(format!("{} not yet known to every broker", wanted.name));
                continue;
            };
            let numbers: Vec<i32> = topic.partitions.iter().map(|partition| partition.number).collect();
            let left = admin.moving(wanted.name, &numbers).await?;
            if left > 0 {
                moving.push(format!(
                    "{}: {} of {} partitions copied",
                    wanted.name,
                    numbers.len() - left,
                    numbers.len()
                ));
            }
        }
        Ok(if moving.is_empty() { Found::Ready(()) } else { Found::NotYet(moving.join("; ")) })
    };
    match until(limit, copied, &mut say).await? {
        Waited::Ready(()) => Ok(()),
        Waited::TooLate(words) => {
            Err(Failure::new(format!("copies are not there after {} s: {words}", limit.as_secs()))
                .hint("the brokers go on copying: opsctl status shows them; run this again"))
        }
    }
}
