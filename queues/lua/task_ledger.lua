-- Reads the counts of the run, over all groups, as HGETALL gives those of one. No ARGV.
local total, rows = {}, {}
for _, group in ipairs(redis.call('SMEMBERS', base .. 'groups')) do
  local counted = redis.call('HGETALL', base .. 'ledger:' .. group)
  for i = 1, #counted, 2 do total[counted[i]] = (total[counted[i]] or 0) + tonumber(counted[i + 1]) end
end
for field, many in pairs(total) do
  rows[#rows + 1] = field
  rows[#rows + 1] = string.format('%.0f', many)
end
return rows
