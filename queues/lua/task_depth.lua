-- Reads how many tasks wait, back-off included. No ARGV. Returns kind, number of each kind ever submitted.
-- Uses task_counts.lua.
local depths = {}
for _, kind in ipairs(redis.call('SMEMBERS', base .. 'kinds')) do
  local _, waiting = depth_of(kind)
  depths[#depths + 1] = kind
  depths[#depths + 1] = waiting
end
return depths
