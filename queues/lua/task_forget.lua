-- Forgets a group none of whose tasks is waiting or leased: its tasks, results and counts. ARGV: group.
-- Returns how many tasks, or -1 when some are open.
local group = ARGV[1]
if redis.call('EXISTS', base .. 'open:' .. group) == 1 then return -1 end
local ids = redis.call('HKEYS', base .. 'results:' .. group)
for _, closed_as in ipairs({'dead:', 'cancelled:'}) do
  for _, id in ipairs(redis.call('SMEMBERS', base .. closed_as .. group)) do ids[#ids + 1] = id end
end
for _, id in ipairs(ids) do redis.call('UNLINK', base .. 'task:' .. id) end
for _, name in ipairs({'submitted:', 'results:', 'dead:', 'cancelled:', 'settled:'}) do
  redis.call('UNLINK', base .. name .. group)
end
redis.call('HDEL', base .. 'duplicates', group)
redis.call('SREM', base .. 'groups', group)
return #ids
