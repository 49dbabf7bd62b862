-- Makes a request visible; its reply goes to the client's inbox, whose name is fixed before.
-- KEYS[1]: beginning of the service's keys. ARGV: id, body, time to live (ms), inbox.
local base, id = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local request = base .. 'request:' .. id
-- A client that lost its connection sends again what may have arrived.
if redis.call('EXISTS', request) == 1 then return 'ok' end
redis.call('HSET', request, 'body', ARGV[2], 'deadline', now + tonumber(ARGV[3]), 'inbox', ARGV[4], 'attempt', 0)
redis.call('PEXPIRE', request, ARGV[3])
local waiting = redis.call('RPUSH', base .. 'waiting', id)
-- At most one token per waiting request: the list cannot grow while every server is busy.
if redis.call('LLEN', base .. 'wake') < waiting then redis.call('RPUSH', base .. 'wake', 1) end
return 'ok'
