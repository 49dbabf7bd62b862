-- Forgets stale workers and returns the others: {owner, facts, owner, facts, ...}. KEYS[1]: beginning of the run's keys.
local base = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for _, owner in ipairs(redis.call('ZRANGEBYSCORE', base .. 'worker_deadlines', '-inf', now)) do
  redis.call('HDEL', base .. 'workers', owner)
  redis.call('ZREM', base .. 'worker_deadlines', owner)
end
return redis.call('HGETALL', base .. 'workers')
