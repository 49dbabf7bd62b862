-- Reads what can be measured; changes nothing. No ARGV.
-- Returns {tasks backing off, tallies, kinds, groups}; tallies and ledgers as HGETALL gives them, a kind is
-- {kind, tasks waiting, ms since the submission of the oldest that is ready}, a group {group, ledger}.
local now, kinds, groups = now_ms(), {}, {}

-- Within a priority the first is the oldest.
local function oldest(kind)
  local age = 0
  for lane = 0, 9 do
    local first = redis.call('ZRANGEBYSCORE', base .. 'waiting:' .. kind,
      string.format('%.0f', lane * LANE), string.format('(%.0f', (lane + 1) * LANE), 'LIMIT', 0, 1)[1]
    local submitted = first and redis.call('HGET', base .. 'task:' .. first, 'submitted')
    if submitted then age = math.max(age, now - tonumber(submitted)) end
  end
  return age
end

local depths = redis.call('HGETALL', base .. 'depth')
for i = 1, #depths, 2 do kinds[#kinds + 1] = {depths[i], depths[i + 1], oldest(depths[i])} end
for _, group in ipairs(redis.call('SMEMBERS', base .. 'groups')) do
  groups[#groups + 1] = {group, redis.call('HGETALL', base .. 'ledger:' .. group)}
end
return {redis.call('ZCARD', base .. 'delayed'), redis.call('HGETALL', base .. 'tallies'),
  kinds, groups}
