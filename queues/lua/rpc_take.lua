-- Hands requests to a server: those of dead servers first, then the oldest; expired ones are dropped.
-- KEYS[1]: beginning of the service's keys. ARGV: how many at most, redelivery time (ms).
-- Returns {ms until a redelivery is due (-1: none), requests}; a request is {id, body, deadline (ms), attempt,
-- ms since it was submitted}.
local base, wanted, redeliver_ms = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local leases, waiting = base .. 'leases', base .. 'waiting'
for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', leases, now, '-inf', 'LIMIT', 0, 1000)) do
  redis.call('ZREM', leases, id)
  redis.call('LPUSH', waiting, id)
end
local taken, ids = {}, nil
repeat
  ids = redis.call('LPOP', waiting, wanted) or {}
  for _, id in ipairs(ids) do
    local request = base .. 'request:' .. id
    local f = redis.call('HMGET', request, 'body', 'deadline', 'submitted', 'attempt')
    if f[1] then
      redis.call('HSET', request, 'attempt', f[4] + 1)
      redis.call('ZADD', leases, now + redeliver_ms, id)
      taken[#taken + 1] = {id, f[1], tonumber(f[2]), f[4] + 1, now - tonumber(f[3])}
    end
  end
until #taken > 0 or #ids == 0
if #ids < wanted then redis.call('DEL', base .. 'wake') end
if redis.call('DEL', base .. 'full') == 1 then
  redis.call('RPUSH', base .. 'room', 1)
  redis.call('PEXPIRE', base .. 'room', 2000)
end
-- When a redelivery is due matters only to those who found nothing.
if #taken > 0 then return {-1, taken} end
local pause, head = -1, redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')
if head[2] then pause = math.max(0, tonumber(head[2]) - now) end
return {pause, taken}
