-- Gives a task back untouched; the attempt does not count. ARGV: id, fence.
-- Uses task_deliveries.lua.
local id = ARGV[1]
local task = load(id)
if holds(task, ARGV[2], now_ms()) then
  redis.call('HINCRBY', base .. 'task:' .. id, 'attempts', -1)
  to_waiting(id, task)
end
return 'ok'
