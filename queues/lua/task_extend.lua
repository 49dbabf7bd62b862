-- Pushes deadlines out. ARGV: lease length (ms), then id, fence of each lease.
-- Returns 1 or 0 for each: whether it is still held.
-- Uses task_deliveries.lua.
local now = now_ms()
local deadline = now + tonumber(ARGV[1])
local held = {}
for i = 2, #ARGV, 2 do
  if holds(load(ARGV[i]), ARGV[i + 1], now) then
    redis.call('HSET', base .. 'task:' .. ARGV[i], 'deadline', deadline)
    redis.call('ZADD', base .. 'leases', deadline, ARGV[i])
    held[#held + 1] = 1
  else
    held[#held + 1] = 0
  end
end
return held
