-- Cancels every open task of a group. ARGV: group. Returns how many.
local ids = redis.call('SMEMBERS', base .. 'open:' .. ARGV[1])
for _, id in ipairs(ids) do move(id, load(id), 'cancelled') end
return #ids
