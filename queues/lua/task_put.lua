-- Submits tasks in order until the queue is full; ids already known are passed over.
-- ARGV: max_waiting (-1: unbounded), then id, kind, group, priority, max_attempts, payload of each task.
-- Returns {tasks passed, new among them}. Closes the door `room` when it stopped early.
local max_waiting = tonumber(ARGV[1])
local waiting = tonumber(redis.call('HGET', base .. 'ledger', 'waiting') or 0)
local passed, new = 0, 0
for i = 2, #ARGV, 6 do
  local id = ARGV[i]
  if redis.call('EXISTS', base .. 'task:' .. id) == 0 then
    if max_waiting >= 0 and waiting >= max_waiting then
      redis.call('DEL', base .. 'room')
      break
    end
    local task = create(id, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
    to_waiting(id, task)
    waiting = waiting + 1
    new = new + 1
  end
  passed = passed + 1
end
return {passed, new}
