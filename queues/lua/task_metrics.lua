-- Reads what can be measured; changes nothing. No ARGV.
-- Returns {kinds, groups}; a kind is {kind, tasks waiting, backing off among them, ms since the submission of the oldest
-- that is ready, tallies}, a group {group, ledger as HGETALL would give it}.
-- Uses task_counts.lua.
local now, kinds, groups = now_ms(), {}, {}

-- Within a priority the first is the oldest.
local function oldest(kind)
  local age = 0
  for lane = 0, 9 do
    local first = redis.call('ZRANGEBYSCORE', base .. 'waiting:' .. kind,
      string.format('%.0f', lane * LANE), string.format('(%.0f', (lane + 1) * LANE), 'LIMIT', 0, 1)[1]
    local since = first and redis.call('HGET', base .. 'task:' .. first, 'submitted')
    if since then age = math.max(age, now - tonumber(since)) end
  end
  return age
end

for _, kind in ipairs(redis.call('SMEMBERS', base .. 'kinds')) do
  local delayed, waiting = depth_of(kind)
  kinds[#kinds + 1] = {kind, waiting, delayed, oldest(kind), redis.call('GET', base .. 'tallies:' .. kind) or ''}
end
for _, group in ipairs(redis.call('SMEMBERS', base .. 'groups')) do
  groups[#groups + 1] = {group, ledger_of(group)}
end
return {kinds, groups}
