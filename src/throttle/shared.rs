//! Counters in Redis, for all instances together. Each question is a script, which Redis runs as one step; the time comes with
//! it, so that it is the service's own.

use std::sync::LazyLock;

use redis::{RedisResult, Script, ScriptInvocation, aio::ConnectionManager};

use tracing::Instrument;

use super::local::{Key, Policy, Taken};
use crate::{
    redis::{Away, PATIENCE},
    telemetry::span::redis as redis_span,
};

/// `Policy::delay`, as the scripts begin.
const DELAY: &str = "
local function delay(failures, i)
  local free, lock, longest = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  if failures >= lock then return longest end
  if failures < free then return 0 end
  return math.min(1000 * 2 ^ (failures - free), longest)
end
local function write(key, failures, after, ends)
  redis.call('HSET', key, 'failures', failures, 'next', string.format('%.0f', after), 'until', string.format('%.0f', ends))
end
";

/// `Local::reserve`: gives the wait, and then what each counter says.
static RESERVE: LazyLock<Script> = LazyLock::new(|| {
    let reserve = "
local now, wait, told = tonumber(ARGV[1]), 0, {0}
for i, key in ipairs(KEYS) do
  local found = redis.call('HMGET', key, 'failures', 'next', 'until')
  local failures, after = 0, 0
  if found[1] and tonumber(found[3]) > now then failures, after = tonumber(found[1]), tonumber(found[2]) end
  wait = math.max(wait, after - now)
  told[i + 1] = failures + 1
end
if wait > 0 then return {wait} end
for i, key in ipairs(KEYS) do
  local policy = 4 * i - 2
  local next = delay(told[i + 1], policy)
  local memory = math.max(tonumber(ARGV[policy + 3]), next)
  write(key, told[i + 1], now + next, now + memory)
  redis.call('PEXPIRE', key, string.format('%.0f', memory))
end
return told
";
    Script::new(&(DELAY.to_owned() + reserve))
});

/// `Local::release`: those without a policy are forgotten.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    let release = "
local now, forgotten = tonumber(ARGV[1]), tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  if i <= forgotten then
    redis.call('DEL', key)
  else
    local found = redis.call('HMGET', key, 'failures', 'next', 'until')
    if found[1] then
      local failures = math.max(tonumber(found[1]) - 1, 0)
      local after = math.min(tonumber(found[2]), now + delay(failures, 4 * (i - forgotten) - 1))
      write(key, failures, after, tonumber(found[3]))
    end
  end
end
";
    Script::new(&(DELAY.to_owned() + release))
});

/// `Local::take`. Ten minutes are more than a bucket takes to be full.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local now, shares, points = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call('HMGET', KEYS[1], 'taken', 'at')
local taken, at = tonumber(found[1] or '0'), tonumber(found[2] or '0')
local passed = math.max(0, math.min(now - at, 60000))
taken = math.max(0, taken - passed * points)
local refused = taken + shares > points * 60000
if not refused then taken = taken + shares end
redis.call('HSET', KEYS[1], 'taken', string.format('%.0f', taken), 'at', string.format('%.0f', math.max(at, now)))
redis.call('PEXPIRE', KEYS[1], 600000)
return {refused and 1 or 0, taken}
",
    )
});

/// `Local::count`. After two minutes it has begun anew, whosever clock it is.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local now, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = redis.call('HMGET', KEYS[1], 'taken', 'at')
local taken, at = tonumber(found[1] or '0'), tonumber(found[2] or '0')
if now >= at + 60000 then taken, at = 0, now end
if taken >= most then return at + 60000 - now end
redis.call('HSET', KEYS[1], 'taken', string.format('%.0f', taken + 1), 'at', string.format('%.0f', at))
redis.call('PEXPIRE', KEYS[1], 120000)
return 0
",
    )
});

/// The counters in Redis.
pub struct Shared {
    redis: ConnectionManager,
    away: Away,
}

impl Shared {
    pub fn new(redis: ConnectionManager) -> Self {
        Self { redis, away: Away::default() }
    }

    /// As `Local::reserve`; nothing where Redis does not answer.
    pub async fn reserve(&self, counters: &[(Key, Policy)], now: i64) -> Option<Result<Vec<u32>, i64>> {
        let mut script = RESERVE.prepare_invoke();
        script.arg(now);
        for (key, policy) in counters {
            script.key(name(key));
            arguments(&mut script, *policy);
        }
        let told: Vec<i64> = self.ask(&script).await?;
        let (wait, failures) = told.split_first()?;
        if *wait > 0 {
            return Some(Err(*wait));
        }
        Some(Ok(failures.iter().map(|failures| u32::try_from(*failures).unwrap_or(u32::MAX)).collect()))
    }

    /// As `Local::release`; nothing where Redis does not answer.
    pub async fn release(&self, forgotten: &[Key], given_back: &[(Key, Policy)], now: i64) -> Option<()> {
        let mut script = RELEASE.prepare_invoke();
        script.arg(now).arg(forgotten.len());
        for key in forgotten {
            script.key(name(key));
        }
        for (key, policy) in given_back {
            script.key(name(key));
            arguments(&mut script, *policy);
        }
        self.ask(&script).await
    }

    /// As `Local::take`; nothing where Redis does not answer.
    pub async fn take(&self, key: Key, shares: u64, points: u64, now: i64) -> Option<Taken> {
        let mut script = TAKE.prepare_invoke();
        script.key(name(&key)).arg(now).arg(shares).arg(points);
        let (refused, shares): (bool, u64) = self.ask(&script).await?;
        Some(Taken { refused, shares })
    }

    /// As `Local::count`; nothing where Redis does not answer.
    pub async fn count(&self, key: Key, most: u64, now: i64) -> Option<i64> {
        let mut script = COUNT.prepare_invoke();
        script.key(name(&key)).arg(now).arg(most);
        self.ask(&script).await
    }

    async fn ask<T: redis::FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        if self.away.is() {
            return None;
        }
        let mut redis = self.redis.clone();
        let answered: Result<RedisResult<T>, _> =
            tokio::time::timeout(PATIENCE, script.invoke_async(&mut redis)).instrument(redis_span("EVALSHA")).await;
        let cause = match answered {
            Ok(Ok(told)) => return Some(told),
            Ok(Err(error)) => error.category().to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.away.note();
        tracing::warn!(cause, "Redis does not count tries and costs: this instance counts its own");
        None
    }
}

/// The namespace, its version, and the digest.
fn name(key: &Key) -> Vec<u8> {
    [b"rollcall:1:throttle:", key.as_slice()].concat()
}

fn arguments(script: &mut ScriptInvocation<'_>, policy: Policy) {
    script.arg(policy.free).arg(policy.lock).arg(policy.longest).arg(policy.memory);
}
