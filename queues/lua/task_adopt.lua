-- Records work that files prove done. ARGV: id, kind, group, priority, max_attempts, payload, result of each task.
-- Returns how many changed state. The fence is advanced so that a worker still on the task is refused.
local changed = 0
for i = 1, #ARGV, 7 do
  local id = ARGV[i]
  local task = load(id) or create(id, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
  if task.state ~= 'done' then
    move(id, task, 'done')
    redis.call('HSET', base .. 'results:' .. task.group, id, ARGV[i + 6])
    redis.call('HSET', base .. 'task:' .. id, 'fence', redis.call('INCR', base .. 'fence'))
    changed = changed + 1
  end
end
return changed
