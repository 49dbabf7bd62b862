-- Reaps, ends back-offs, then takes the best-ranked tasks over all the kinds asked for.
-- ARGV: owner, how many at most, lease length (ms), then the kinds.
-- Returns {ms until something may change (-1: nothing pending), tasks}; a task is
-- {id, kind, group, priority, max_attempts, payload, fence, attempt, deadline (ms)}.
local owner, wanted, lease_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
reap(now)
promote_delayed(now)

local function best()
  local id, rank
  for i = 4, #ARGV do
    local head = redis.call('ZRANGE', base .. 'waiting:' .. ARGV[i], 0, 0, 'WITHSCORES')
    if head[1] and (not rank or tonumber(head[2]) < rank) then
      id, rank = head[1], tonumber(head[2])
    end
  end
  return id
end

local taken = {}
while #taken < wanted do
  local id = best()
  if not id then break end
  local task, key = load(id), base .. 'task:' .. id
  move(id, task, 'leased')
  local fence = redis.call('INCR', base .. 'fence')
  local attempt = redis.call('HINCRBY', key, 'attempts', 1)
  redis.call('HSET', key, 'fence', fence, 'owner', owner, 'deadline', now + lease_ms)
  redis.call('ZADD', base .. 'leases', now + lease_ms, id)
  local f = redis.call('HMGET', key, 'priority', 'max_attempts', 'payload')
  taken[#taken + 1] = {id, task.kind, task.group, f[1], f[2], f[3], fence, attempt, now + lease_ms}
end
for i = 4, #ARGV do
  if redis.call('EXISTS', base .. 'waiting:' .. ARGV[i]) == 0 then redis.call('DEL', base .. 'wake:' .. ARGV[i]) end
end
return {next_event(now), taken}
