-- Drops the frames a caller has read and makes room for more.
-- KEYS[1]: beginning of the service's keys. ARGV: id, id of the first frame to keep, how long the door is kept (ms).
local base, id = KEYS[1], ARGV[1]
local room = base .. 'frames_room:' .. id
if redis.call('XTRIM', base .. 'frames:' .. id, 'MINID', ARGV[2]) > 0 and redis.call('EXISTS', room) == 0 then
  redis.call('RPUSH', room, 1)
  redis.call('PEXPIRE', room, ARGV[3])
end
return 'ok'
