-- Cancels the tasks of these ids that are waiting or leased. ARGV: ids. Returns how many.
local cancelled = 0
for _, id in ipairs(ARGV) do
  local task = load(id)
  if task and is_open(task.state) then
    move(id, task, 'cancelled')
    cancelled = cancelled + 1
  end
end
return cancelled
