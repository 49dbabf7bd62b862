-- Reaps, ends back-offs, then takes the best-ranked tasks over all the kinds asked for.
-- ARGV: owner, how many at most, lease length (ms), then the kinds.
-- Returns {ms until something may change (-1: nothing pending), tasks}; a task is
-- {id, kind, group, priority, max_attempts, payload, fence, attempt, deadline (ms)}.
local owner, wanted, lease_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
if reap(now) + promote_delayed(now) > 0 then flush() end

-- One more of each kind than can be taken shows whether any is left.
local heads, remaining = {}, {}
for i = 4, #ARGV do
  local row = redis.call('ZRANGE', base .. 'waiting:' .. ARGV[i], 0, wanted, 'WITHSCORES')
  for j = 1, #row, 2 do heads[#heads + 1] = {id = row[j], rank = tonumber(row[j + 1]), kind = ARGV[i]} end
  remaining[ARGV[i]] = #row / 2
end
if #ARGV > 4 then table.sort(heads, function(one, other) return one.rank < other.rank end) end

local taken, many = {}, math.min(wanted, #heads)
if many == 0 then return {next_event(now), taken} end
local deadline = now + lease_ms
local first_fence = new_fences(now, many)
for i = 1, many do
  local id, kind = heads[i].id, heads[i].kind
  local f = redis.call('HMGET', base .. 'task:' .. id, 'group', 'priority', 'max_attempts', 'payload', 'attempts',
    'submitted')
  local task, attempt = {state = 'waiting', kind = kind, group = f[1]}, f[5] + 1
  local fence = string.format('%.0f', first_fence + i - 1)
  move(id, task, 'leased', {'fence', fence, 'owner', owner, 'deadline', deadline, 'attempts', attempt,
    'delivered', now})
  note('ZADD', 'leases', deadline, id)
  if attempt == 1 then tally_duration('waited', kind, tonumber(f[6]), now) end
  taken[i] = {id, kind, f[1], f[2], f[3], f[4], fence, attempt, deadline}
  remaining[kind] = remaining[kind] - 1
end
tally('delivered', many)
for kind, count_left in pairs(remaining) do
  if count_left == 0 then redis.call('DEL', base .. 'wake:' .. kind) end
end
-- When the next lease expires matters only to those who found nothing.
return {-1, taken}
