-- Makes a request visible; its reply goes to the client's inbox, whose name is fixed before.
-- KEYS[1]: beginning of the service's keys. ARGV: id, body, time to live (ms), inbox, most requests that may wait
-- (-1: unbounded). Returns 'ok', or 'full'; then the door `room` opens when a server takes something.
local base, id, max_waiting = KEYS[1], ARGV[1], tonumber(ARGV[5])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local request = base .. 'request:' .. id
-- A client that lost its connection sends again what may have arrived.
if redis.call('EXISTS', request) == 1 then return 'ok' end
if max_waiting >= 0 and redis.call('LLEN', base .. 'waiting') >= max_waiting then
  redis.call('DEL', base .. 'room')
  redis.call('SET', base .. 'full', 1, 'PX', ARGV[3])
  return 'full'
end
redis.call('HSET', request, 'body', ARGV[2], 'deadline', now + tonumber(ARGV[3]), 'inbox', ARGV[4], 'attempt', 0,
  'submitted', now)
redis.call('PEXPIRE', request, ARGV[3])
local waiting = redis.call('RPUSH', base .. 'waiting', id)
-- At most one token per waiting request: the list cannot grow while every server is busy.
if redis.call('RPUSH', base .. 'wake', 1) > waiting then redis.call('LPOP', base .. 'wake') end
return 'ok'
