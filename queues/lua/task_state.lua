-- Stands before every task_*.lua: how a task changes state, in one place.
-- KEYS[1] is the beginning of all keys of the run; redis_keys.py says what each key holds.
--
-- A task's own hash changes at once. What concerns many tasks (indexes, tallies, doors, wake-ups) is noted and
-- written by flush(), one command for all tasks of the script. Every script ends with it (lua_scripts.py).
-- Each command costs more than what it does, so there are few: counts are read off the indexes (ledger_of, depth_of).

local base = KEYS[1]
local LANE = 281474976710656 -- 2^48 submissions per priority keep every rank an exact double

local MAX_TOKENS = 1000

local noted, submitted, tallies, waking, closed, left = {}, {}, {}, {}, {}, false

local noted_us
-- Time stands still for a script.
local function now_us()
  if not noted_us then
    local time = redis.call('TIME')
    noted_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  return noted_us
end

local function now_ms() return math.floor(now_us() / 1000) end

local function load(id)
  local f = redis.call('HMGET', base .. 'task:' .. id,
    'state', 'kind', 'group', 'rank', 'attempts', 'max_attempts', 'fence', 'owner', 'deadline', 'failed')
  if not f[1] then return nil end
  return {
    state = f[1], kind = f[2], group = f[3], rank = f[4], attempts = tonumber(f[5]),
    max_attempts = tonumber(f[6]), fence = f[7], owner = f[8], deadline = tonumber(f[9]), failed = f[10],
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

local function open_door(name)
  if redis.call('EXISTS', base .. name) == 0 then redis.call('RPUSH', base .. name, 1) end
end

-- A task that is not known yet, and the fields that the move to its first state must write.
local function create(order, kind, group, priority, max_attempts, payload)
  local task = {
    kind = kind, group = group, attempts = 0, max_attempts = tonumber(max_attempts),
    rank = string.format('%.0f', (9 - tonumber(priority)) * LANE + order),
  }
  submitted[group] = submitted[group] or {}
  submitted[group][kind] = (submitted[group][kind] or 0) + 1
  return task, {'kind', kind, 'group', group, 'priority', priority, 'max_attempts', max_attempts,
    'payload', payload, 'rank', task.rank, 'attempts', 0, 'submitted', now_ms()}
end

local function is_open(state) return state == 'waiting' or state == 'leased' end

-- Leaves the old state and enters the new one, keeping every index true. `fields` go into the task's hash with the
-- new state.
local function move(id, task, to, fields)
  local from, group = task.state, task.group
  if from == 'waiting' then
    note('ZREM', 'waiting:' .. task.kind, id)
    left = true
  elseif from == 'leased' then
    note('ZREM', 'leases', id)
  elseif from == 'done' then
    note('HDEL', 'results:' .. group, id)
  elseif from then -- dead or cancelled
    note('SREM', from .. ':' .. group, id)
  end
  if to == 'dead' or to == 'cancelled' then note('SADD', to .. ':' .. group, id) end
  redis.call('HSET', base .. 'task:' .. id, 'state', to, unpack(fields or {}))
  task.state = to
  if is_open(to) and not is_open(from) then
    note('SADD', 'open:' .. group, id)
  elseif is_open(from) and not is_open(to) then
    note('SREM', 'open:' .. group, id)
  end
  if not is_open(to) then closed[group] = true end
end

local function enqueue(id, task)
  note('ZADD', 'waiting:' .. task.kind, task.rank, id)
  waking[task.kind] = (waking[task.kind] or 0) + 1
end

local function to_waiting(id, task, fields)
  move(id, task, 'waiting', fields)
  enqueue(id, task)
end

-- Lua can hand over some thousand arguments at once. Returns the sum of the answers.
local function write(command, key, members)
  if #members <= 1000 then return redis.call(command, base .. key, unpack(members)) end
  local answer = 0
  for first = 1, #members, 1000 do
    answer = answer
      + redis.call(command, base .. key, unpack(members, first, math.min(first + 999, #members)))
  end
  return answer
end

-- One token per ready task. While nobody blocks on it the list stays short; a token too many wakes nobody in vain, as
-- who finds nothing takes all of them away before it blocks.
local function wake(kind, ready)
  local ones = {}
  for i = 1, math.min(ready, MAX_TOKENS) do ones[i] = 1 end
  if redis.call('RPUSH', base .. 'wake:' .. kind, unpack(ones)) > 2 * MAX_TOKENS then
    redis.call('LTRIM', base .. 'wake:' .. kind, 0, MAX_TOKENS - 1)
  end
end

local function flush_counts()
  for group, kinds in pairs(submitted) do
    for kind, by in pairs(kinds) do
      if redis.call('HINCRBY', base .. 'submitted:' .. group, kind, by) == by then
        redis.call('SADD', base .. 'groups', group)
        redis.call('SADD', base .. 'kinds', kind)
      end
    end
  end
  for kind, places in pairs(tallies) do
    local words = {}
    for place, by in pairs(places) do
      local last = #words
      words[last + 1], words[last + 2], words[last + 3], words[last + 4] = 'INCRBY', 'i64', '#' .. place, by
    end
    redis.call('BITFIELD', base .. 'tallies:' .. kind, unpack(words))
  end
end

-- Opens the doors of groups that have nothing open any more, and that of room in the queue.
local function flush_doors()
  local there = {}
  for group in pairs(closed) do there[#there + 1] = base .. 'open:' .. group end
  if left then there[#there + 1] = base .. 'room' end
  -- Mostly all of them are there, which is nothing to do: one look at all shows it.
  if #there == 0 or redis.call('EXISTS', unpack(there)) == #there then return end
  for group in pairs(closed) do
    if redis.call('EXISTS', base .. 'open:' .. group) == 0 then open_door('settled:' .. group) end
  end
  if left then open_door('room') end
end

local function flush()
  for command, keys in pairs(noted) do
    for key, members in pairs(keys) do
      local answer = write(command, key, members)
      -- A waiting task is in one of two indexes.
      if command == 'ZREM' and answer < #members and string.sub(key, 1, 8) == 'waiting:' then
        write('ZREM', 'delayed:' .. string.sub(key, 9), members)
      end
    end
  end
  flush_counts()
  for kind, ready in pairs(waking) do wake(kind, ready) end
  flush_doors()
  noted, submitted, tallies, waking, closed, left = {}, {}, {}, {}, {}, false
end
