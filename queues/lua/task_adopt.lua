-- Records work that files prove done. ARGV: id, kind, group, priority, max_attempts, payload, result of each task.
-- Returns how many changed state. The fence is advanced so that a worker still on the task is refused.
-- Uses task_deliveries.lua.
local changed = 0
for i = 1, #ARGV, 7 do
  local id, fields = ARGV[i], {}
  local task = load(id)
  if not task then
    local order = redis.call('INCR', base .. 'sequence')
    task, fields = create(order, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
  end
  if task.state ~= 'done' then
    fields[#fields + 1] = 'fence'
    fields[#fields + 1] = string.format('%.0f', new_fences(1))
    move(id, task, 'done', fields)
    note('HSET', 'results:' .. task.group, id, ARGV[i + 6])
    changed = changed + 1
  end
end
return changed
