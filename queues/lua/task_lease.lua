-- Acknowledges, reaps, ends back-offs, then takes the best-ranked tasks over all the kinds asked for.
-- ARGV: owner, how many at most, lease length (ms), number of kinds, the kinds, then id, fence, result of each lease to
-- acknowledge.
-- Returns {answers of acknowledge(), ms until something may change (-1: nothing pending), tasks}; a task is
-- {id, kind, group, priority, max_attempts, payload, fence, attempt, deadline (ms)}.
-- Uses task_deliveries.lua.
local owner, wanted, lease_ms, last_kind = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), 4 + tonumber(ARGV[4])
local now, answers = now_ms(), acknowledge(last_kind + 1)
local returned = reap(now)
for i = 5, last_kind do returned = returned + promote_delayed(ARGV[i], now) end
if returned > 0 then flush() end

-- How many of each kind are the best. With one kind there is nothing to compare.
local shares = {[ARGV[5]] = wanted}
if last_kind > 5 then
  local heads = {}
  for i = 5, last_kind do
    local row = redis.call('ZRANGE', base .. 'waiting:' .. ARGV[i], 0, wanted - 1, 'WITHSCORES')
    for j = 2, #row, 2 do heads[#heads + 1] = {rank = tonumber(row[j]), kind = ARGV[i]} end
  end
  table.sort(heads, function(one, other) return one.rank < other.rank end)
  shares = {}
  for i = 1, math.min(wanted, #heads) do shares[heads[i].kind] = (shares[heads[i].kind] or 0) + 1 end
end
local best, taken = {}, {}
for kind, many in pairs(shares) do
  local row = redis.call('ZPOPMIN', base .. 'waiting:' .. kind, many)
  for j = 1, #row, 2 do best[#best + 1] = {id = row[j], rank = tonumber(row[j + 1]), kind = kind} end
end
if #best == 0 then
  local indexes = {'leases'}
  for i = 5, last_kind do
    redis.call('DEL', base .. 'wake:' .. ARGV[i])
    indexes[#indexes + 1] = 'delayed:' .. ARGV[i]
  end
  flush() -- what was acknowledged will not expire
  return {answers, next_event(now, indexes), taken}
end
if last_kind > 5 then table.sort(best, function(one, other) return one.rank < other.rank end) end
left = true

local deadline, first_fence = now + lease_ms, new_fences(#best)
for i, task in ipairs(best) do
  local f = redis.call('HMGET', base .. 'task:' .. task.id, 'group', 'priority', 'max_attempts', 'payload', 'attempts',
    'submitted')
  local attempt, fence = f[5] + 1, string.format('%.0f', first_fence + i - 1)
  -- Not by move(): the task has left the index of the waiting already.
  redis.call('HSET', base .. 'task:' .. task.id, 'state', 'leased', 'fence', fence, 'owner', owner,
    'deadline', deadline, 'attempts', attempt)
  note('ZADD', 'leases', deadline, task.id)
  if attempt == 1 then tally_duration(task.kind, TALLY.waited, tonumber(f[6]), now) end
  tally(task.kind, TALLY.delivered, 1)
  taken[i] = {task.id, task.kind, f[1], f[2], f[3], f[4], fence, attempt, deadline}
end
-- When the next lease expires matters only to those who found nothing.
return {answers, -1, taken}
