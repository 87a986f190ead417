//! What requests may cost in a minute, by who sends them.

use super::{
    Throttle,
    local::{SHARES, Taken},
    seconds,
};
use crate::{auth::Viewer, client::Client};

/// What a document costs that is refused before it is weighed: it was read and parsed.
pub const REFUSED_COST: u64 = 100;

/// Points of cost that requests may have in a minute; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// `RATE_LIMIT_COST_PER_MINUTE`: of one account, or one API key.
    pub viewer: u64,
    /// `RATE_LIMIT_ANONYMOUS_COST_PER_MINUTE`: of all who come from one address and are not signed in.
    pub anonymous: u64,
}

/// What became of the charge for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// Which limit it is: `viewer` or `anonymous`.
    pub policy: &'static str,
    /// The points of a minute.
    pub quota: u64,
    /// The points that are left.
    pub remaining: u64,
    /// Where it was refused, the seconds after which it is not; else those after which all points are there again.
    pub seconds: u64,
    /// Whether there was too little left for it.
    pub refused: bool,
}

impl Throttle {
    /// Charges who sends a request with its `cost`; `None` where nothing limits them. The points of a minute may be spent at
    /// once, and come back evenly. A request that costs more than a minute has takes all of it.
    pub async fn charge(&self, viewer: &Viewer, client: &Client, cost: u64) -> Option<Charged> {
        let (policy, quota, who) = match (viewer.account_id(), viewer.key_id()) {
            (Some(account), _) => ("viewer", self.rates.viewer, format!("account {account}")),
            (_, Some(key)) => ("viewer", self.rates.viewer, format!("key {key}")),
            _ => ("anonymous", self.rates.anonymous, client.network()),
        };
        if quota == 0 {
            return None;
        }
        let shares = cost.min(quota) * SHARES;
        let taken = self.counters.take(self.seal.digest(&["rate", policy, &who]), shares, quota, self.now()).await;
        Some(charged(policy, quota, shares, taken))
    }
}

fn charged(policy: &'static str, quota: u64, shares: u64, taken: Taken) -> Charged {
    let full = quota * SHARES;
    let beyond = if taken.refused { (taken.shares + shares).saturating_sub(full) } else { taken.shares };
    Charged {
        policy,
        quota,
        remaining: full.saturating_sub(taken.shares) / SHARES,
        seconds: seconds(i64::try_from(beyond.div_ceil(quota)).unwrap_or(i64::MAX)),
        refused: taken.refused,
    }
}
