-- Marks tasks done. ARGV: id, fence, result of each lease.
-- Returns for each 'ok', or why not: the state of the task, 'expired', or 'unknown'. A refusal counts as a duplicate.
local now, answers = now_ms(), {}
for i = 1, #ARGV, 3 do
  local id, fence = ARGV[i], ARGV[i + 1]
  local task, answer = load(id), 'ok'
  if not task then
    answer = 'unknown'
  elseif holds(task, fence, now) then
    move(id, task, 'done')
    tally_duration('worked', task.kind, task.delivered, now)
    note('HSET', 'results:' .. task.group, id, ARGV[i + 2])
  elseif task.state ~= 'done' or task.fence ~= fence then
    count(task.group, 'duplicates', 1)
    answer = task.state
    if answer == 'leased' and task.fence == fence then answer = 'expired' end
  end
  answers[#answers + 1] = answer
end
return answers
