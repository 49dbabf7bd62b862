-- Marks a task done. ARGV: id, fence, result.
-- Returns 'ok', or why not: the state of the task, 'expired', or 'unknown'. A refusal counts as a duplicate.
local id, fence = ARGV[1], ARGV[2]
local task = load(id)
if not task then return 'unknown' end
if task.state == 'done' and task.fence == fence then return 'ok' end
if holds(task, fence, now_ms()) then
  move(id, task, 'done')
  redis.call('HSET', base .. 'results:' .. task.group, id, ARGV[3])
  return 'ok'
end
count(task.group, 'duplicates', 1)
if task.state == 'leased' and task.fence == fence then return 'expired' end
return task.state
