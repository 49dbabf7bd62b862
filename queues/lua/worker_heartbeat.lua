-- Notes that a worker lives. KEYS[1]: beginning of the run's keys. ARGV: owner, facts, time to live (ms).
local base = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', base .. 'workers', ARGV[1], ARGV[2])
redis.call('ZADD', base .. 'worker_deadlines', now + tonumber(ARGV[3]), ARGV[1])
return 'ok'
