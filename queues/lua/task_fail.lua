-- Gives a task back with an error. ARGV: id, fence, error, retry (1 or 0), first back-off (ms), longest back-off (ms).
-- Returns 'ok', or the state of the task, 'expired', or 'unknown'. Repeating one's own failure is harmless.
-- Uses task_deliveries.lua.
local id, fence = ARGV[1], ARGV[2]
local task, now = load(id), now_ms()
if not task then return 'unknown' end
if task.failed == fence then return 'ok' end
if not holds(task, fence, now) then
  if task.state == 'leased' and task.fence == fence then return 'expired' end
  return task.state
end
redis.call('HSET', base .. 'task:' .. id, 'failed', fence)
tally(task.kind, TALLY.failed, 1)
if ARGV[4] == '0' then task.max_attempts = 0 end
local backoff = math.min(tonumber(ARGV[5]) * 2 ^ (task.attempts - 1), tonumber(ARGV[6]))
give_back(id, task, ARGV[3], now + math.floor(backoff))
return 'ok'
