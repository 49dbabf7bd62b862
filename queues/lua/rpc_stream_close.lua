-- Forgets a streamed request: its server learns it with the next frame. KEYS[1]: beginning of the service's keys.
-- ARGV: id.
local base, id = KEYS[1], ARGV[1]
redis.call('DEL', base .. 'request:' .. id, base .. 'frames:' .. id, base .. 'frames_room:' .. id)
redis.call('ZREM', base .. 'leases', id)
return 'ok'
