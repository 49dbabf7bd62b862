-- Puts done, dead or cancelled tasks back to waiting with fresh attempts. ARGV: ids. Returns how many.
local revived = 0
for _, id in ipairs(ARGV) do
  local task = load(id)
  if task and not is_open(task.state) then
    redis.call('HSET', base .. 'task:' .. id, 'attempts', 0, 'submitted', now_ms())
    redis.call('HDEL', base .. 'task:' .. id, 'error', 'failed')
    to_waiting(id, task)
    revived = revived + 1
  end
end
return revived
