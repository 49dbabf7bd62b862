-- Appends a frame to the answer of a streamed request; each frame renews the server's lease on the request.
-- KEYS[1]: beginning of the service's keys. ARGV: id, attempt, number of the frame, frame, most frames that may lie
-- unread, redelivery time (ms), how long unread frames are kept (ms), whether it is the last (1 or 0).
-- Returns 'ok'; 'full' (the door `frames_room` opens when the caller reads); or 'gone': the request has expired, its
-- caller has closed it, or it was delivered to another server.
local base, id, attempt, last = KEYS[1], ARGV[1], ARGV[2], ARGV[8] == '1'
local request, frames = base .. 'request:' .. id, base .. 'frames:' .. id
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if redis.call('HGET', request, 'attempt') ~= attempt then return 'gone' end
redis.call('ZADD', base .. 'leases', 'XX', now + tonumber(ARGV[6]), id)
-- The last frame is always taken: a server that is done must not wait for a slow reader.
if not last and redis.call('XLEN', frames) >= tonumber(ARGV[5]) then
  redis.call('DEL', base .. 'frames_room:' .. id)
  return 'full'
end
-- Refused when the number is not higher than the last one's: sent again after a lost connection.
redis.pcall('XADD', frames, attempt .. '-' .. ARGV[3], 'frame', ARGV[4])
redis.call('PEXPIRE', frames, ARGV[7])
if last then
  redis.call('DEL', request)
  redis.call('ZREM', base .. 'leases', id)
end
return 'ok'
