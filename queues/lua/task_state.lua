-- Prepended to every other task_*.lua: how a task changes state, in one place.
-- KEYS[1] is the beginning of all keys of the run; redis_keys.py says what each key holds.
--
-- A task's own hash changes at once. What concerns many tasks (indexes, counts, doors, wake-ups) is noted and
-- written by flush(), one command for all tasks of the script. Every script ends with it (lua_scripts.py).

local base = KEYS[1]
local LANE = 281474976710656 -- 2^48 submissions per priority keep every rank an exact double

local noted, counts, tallies, waking, opened, closed, left = {}, {}, {}, {}, {}, {}, {}

local noted_ms
-- Time stands still for a script.
local function now_ms()
  if not noted_ms then
    local time = redis.call('TIME')
    noted_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  end
  return noted_ms
end

local function load(id)
  local f = redis.call('HMGET', base .. 'task:' .. id,
    'state', 'kind', 'group', 'rank', 'attempts', 'max_attempts', 'fence', 'owner', 'deadline', 'failed', 'delivered')
  if not f[1] then return nil end
  return {
    state = f[1], kind = f[2], group = f[3], rank = f[4], attempts = tonumber(f[5]),
    max_attempts = tonumber(f[6]), fence = f[7], owner = f[8], deadline = tonumber(f[9]), failed = f[10],
    delivered = tonumber(f[11]),
  }
end

-- One more member (with its score or value) for a command that takes many.
local function note(command, key, first, second)
  local keys = noted[command]
  if not keys then
    keys = {}
    noted[command] = keys
  end
  local members = keys[key]
  if not members then
    members = {}
    keys[key] = members
  end
  members[#members + 1] = first
  members[#members + 1] = second
end

local function count(group, field, by)
  local fields = counts[group]
  if not fields then
    fields = {}
    counts[group] = fields
  end
  fields[field] = (fields[field] or 0) + by
end

-- For the metrics: how often something happened.
local function tally(field, by)
  tallies[field] = (tallies[field] or 0) + by
end

-- For the metrics: one more duration, from `since` to `now` (ms), in the histogram `what` of a kind. Bucket e holds
-- those of at most 2^e ms, bucket 22 all longer ones.
local function tally_duration(what, kind, since, now)
  if not since then return end -- submitted by a potstill that did not note the time
  local ms, e = math.max(0, now - since), 0
  while e < 22 and 2 ^ e < ms do e = e + 1 end
  tally(what .. ':' .. kind .. ':' .. e, 1)
  tally(what .. ':' .. kind .. ':sum', ms)
end

local function open_door(name)
  if redis.call('EXISTS', base .. name) == 0 then redis.call('RPUSH', base .. name, 1) end
end

-- A task that is not known yet, and the fields that the move to its first state must write.
local function create(order, kind, group, priority, max_attempts, payload)
  local task = {
    kind = kind, group = group, attempts = 0, max_attempts = tonumber(max_attempts),
    rank = string.format('%.0f', (9 - tonumber(priority)) * LANE + order),
  }
  count(group, 'submitted', 1)
  return task, {'kind', kind, 'group', group, 'priority', priority, 'max_attempts', max_attempts,
    'payload', payload, 'rank', task.rank, 'attempts', 0, 'submitted', now_ms()}
end

local function is_open(state) return state == 'waiting' or state == 'leased' end

-- Leaves the old state and enters the new one, keeping every count and index true. `fields` go into the task's
-- hash with the new state.
local function move(id, task, to, fields)
  local from = task.state
  if from == 'waiting' then
    note('ZREM', 'waiting:' .. task.kind, id)
    left[task.kind] = (left[task.kind] or 0) + 1
  elseif from == 'leased' then
    note('ZREM', 'leases', id)
  elseif from == 'done' then
    note('HDEL', 'results:' .. task.group, id)
  elseif from then -- dead or cancelled
    note('SREM', from .. ':' .. task.group, id)
  end
  if from then count(task.group, from, -1) end
  count(task.group, to, 1)
  if to == 'waiting' then left[task.kind] = (left[task.kind] or 0) - 1 end
  if to == 'dead' or to == 'cancelled' then note('SADD', to .. ':' .. task.group, id) end
  redis.call('HSET', base .. 'task:' .. id, 'state', to, unpack(fields or {}))
  task.state = to
  if is_open(to) and not is_open(from) then
    note('SADD', 'open:' .. task.group, id)
    opened[task.group] = true
  elseif is_open(from) and not is_open(to) then
    note('SREM', 'open:' .. task.group, id)
  end
  if not is_open(to) then closed[task.group] = true end
end

local function enqueue(id, task)
  note('ZADD', 'waiting:' .. task.kind, task.rank, id)
  waking[task.kind] = (waking[task.kind] or 0) + 1
end

local function to_waiting(id, task, fields)
  move(id, task, 'waiting', fields)
  enqueue(id, task)
end

-- Back to the queue, ready at `ready` (ms; nil: now), or dead when the attempts are used up.
local function give_back(id, task, message, ready)
  local error = {'error', message}
  if task.attempts >= task.max_attempts then
    move(id, task, 'dead', error)
  elseif ready then
    move(id, task, 'waiting', error)
    note('ZADD', 'delayed', ready, id)
    -- A blocked worker must learn the new, perhaps earlier, time at which there is something to do.
    open_door('wake:' .. task.kind)
  else
    to_waiting(id, task, error)
  end
end

-- Lua can hand over some thousand arguments at once. Returns the sum of the answers.
local function write(command, key, members)
  local answer = 0
  for first = 1, #members, 1000 do
    answer = answer
      + redis.call(command, base .. key, unpack(members, first, math.min(first + 999, #members)))
  end
  return answer
end

-- One token per ready task. While nobody blocks on it the list stays short; a token too many wakes a worker in vain,
-- and the first who finds nothing takes all of them away.
local function wake(kind, ready)
  local ones = {}
  for i = 1, math.min(ready, 1000) do ones[i] = 1 end
  if redis.call('RPUSH', base .. 'wake:' .. kind, unpack(ones)) > 1000 then
    redis.call('LTRIM', base .. 'wake:' .. kind, 0, 999)
  end
end

local function flush_counts()
  for group, fields in pairs(counts) do
    for field, by in pairs(fields) do
      if by ~= 0 then
        local reached = redis.call('HINCRBY', base .. 'ledger:' .. group, field, by)
        if field == 'submitted' and reached == by then redis.call('SADD', base .. 'groups', group) end
      end
    end
  end
  for kind, by in pairs(left) do
    if by ~= 0 then redis.call('HINCRBY', base .. 'depth', kind, -by) end
  end
  for field, by in pairs(tallies) do redis.call('HINCRBY', base .. 'tallies', field, by) end
end

local function flush()
  for command, keys in pairs(noted) do
    for key, members in pairs(keys) do
      local answer = write(command, key, members)
      -- A waiting task is in one of two indexes.
      if command == 'ZREM' and key ~= 'leases' and answer < #members then write('ZREM', 'delayed', members) end
    end
  end
  flush_counts()
  for kind, ready in pairs(waking) do wake(kind, ready) end
  for group in pairs(opened) do redis.call('DEL', base .. 'settled:' .. group) end
  for group in pairs(closed) do
    if redis.call('EXISTS', base .. 'open:' .. group) == 0 then open_door('settled:' .. group) end
  end
  for _, by in pairs(left) do
    if by > 0 then
      open_door('room')
      break
    end
  end
  noted, counts, tallies, waking, opened, closed, left = {}, {}, {}, {}, {}, {}, {}
end

-- An expired lease has already cost its length: its task is ready at once.
local function reap(now)
  local expired = redis.call('ZRANGEBYSCORE', base .. 'leases', '-inf', now, 'LIMIT', 0, 100)
  for _, id in ipairs(expired) do
    local task = load(id)
    give_back(id, task, 'lease expired (worker ' .. task.owner .. ' died or hung)', nil)
    tally('expired', 1)
  end
  return #expired
end

local function promote_delayed(now)
  local ready = redis.call('ZRANGEBYSCORE', base .. 'delayed', '-inf', now, 'LIMIT', 0, 100)
  for _, id in ipairs(ready) do
    note('ZREM', 'delayed', id)
    enqueue(id, load(id))
  end
  return #ready
end

-- Milliseconds until a lease expires or a back-off ends; -1 when neither is pending.
local function next_event(now)
  local pause = -1
  for _, name in ipairs({'leases', 'delayed'}) do
    local head = redis.call('ZRANGE', base .. name, 0, 0, 'WITHSCORES')
    if head[2] and (pause < 0 or tonumber(head[2]) - now < pause) then
      pause = math.max(0, tonumber(head[2]) - now)
    end
  end
  return pause
end

-- The first of `many` new fences. They follow the clock, so that a crash of the server that takes the newest writes
-- with it does not make it give a fence a second time.
local function new_fences(now, many)
  local last = tonumber(redis.call('GET', base .. 'fence') or 0)
  local first = math.max(last, now * 1000) + 1
  redis.call('SET', base .. 'fence', string.format('%.0f', first + many - 1))
  return first
end

local function holds(task, fence, now)
  return task and task.state == 'leased' and task.fence == fence and task.deadline > now
end
