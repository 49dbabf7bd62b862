-- Submits tasks in order until the queue is full; ids already known are passed over.
-- ARGV: max_waiting (-1: unbounded), then id, kind, group, priority, max_attempts, payload of each task.
-- Returns {tasks passed, new among them}. Closes the door `room` when it stopped early.
-- Uses task_counts.lua.
local room = math.huge
if ARGV[1] ~= '-1' then
  room = tonumber(ARGV[1])
  for _, kind in ipairs(redis.call('SMEMBERS', base .. 'kinds')) do
    local _, waiting = depth_of(kind)
    room = room - waiting
  end
end
local passed, new, rows = 0, 0, (#ARGV - 1) / 6
local order = redis.call('INCRBY', base .. 'sequence', rows) - rows
for i = 2, #ARGV, 6 do
  local id = ARGV[i]
  if redis.call('EXISTS', base .. 'task:' .. id) == 0 then
    if new >= room then
      redis.call('DEL', base .. 'room')
      break
    end
    new = new + 1
    to_waiting(id, create(order + new, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]))
  end
  passed = passed + 1
end
return {passed, new}
