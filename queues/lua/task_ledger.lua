-- Reads the counts of a group, or of the run, over all groups. ARGV: group, or nothing. Returns what HGETALL would.
-- Uses task_counts.lua.
if ARGV[1] then return ledger_of(ARGV[1]) end
local total
for _, group in ipairs(redis.call('SMEMBERS', base .. 'groups')) do
  local counted = ledger_of(group)
  if total then
    for i = 2, #counted, 2 do total[i] = total[i] + counted[i] end
  end
  total = total or counted
end
return total or {}
