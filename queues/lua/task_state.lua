-- Prepended to every other task_*.lua: how a task changes state, in one place.
-- KEYS[1] is the beginning of all keys of the run; redis_keys.py says what each key holds.

local base = KEYS[1]
local LANE = 281474976710656 -- 2^48 submissions per priority keep every rank an exact double

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function load(id)
  local f = redis.call('HMGET', base .. 'task:' .. id,
    'state', 'kind', 'group', 'rank', 'attempts', 'max_attempts', 'fence', 'owner', 'deadline', 'failed')
  if not f[1] then return nil end
  return {
    state = f[1], kind = f[2], group = f[3], rank = f[4], attempts = tonumber(f[5]),
    max_attempts = tonumber(f[6]), fence = f[7], owner = f[8], deadline = tonumber(f[9]), failed = f[10],
  }
end

local function count(group, field, by)
  redis.call('HINCRBY', base .. 'ledger', field, by)
  redis.call('HINCRBY', base .. 'ledger:' .. group, field, by)
end

local function open_door(name)
  if redis.call('EXISTS', base .. name) == 0 then redis.call('RPUSH', base .. name, 1) end
end

-- Adds an unknown task to the ledger; it has no state until it is moved.
local function create(id, kind, group, priority, max_attempts, payload)
  local order = redis.call('INCR', base .. 'sequence')
  local task = {
    kind = kind, group = group, attempts = 0, max_attempts = tonumber(max_attempts),
    rank = string.format('%.0f', (9 - tonumber(priority)) * LANE + order),
  }
  redis.call('HSET', base .. 'task:' .. id, 'kind', kind, 'group', group, 'priority', priority,
    'max_attempts', max_attempts, 'payload', payload, 'rank', task.rank, 'attempts', 0)
  redis.call('SADD', base .. 'groups', group)
  count(group, 'submitted', 1)
  return task
end

local function is_open(state) return state == 'waiting' or state == 'leased' end

-- Leaves the old state and enters the new one, keeping every count and index true.
local function move(id, task, to)
  local from = task.state
  if from == 'waiting' then
    if redis.call('ZREM', base .. 'waiting:' .. task.kind, id) == 0 then
      redis.call('ZREM', base .. 'delayed', id)
    end
    redis.call('HINCRBY', base .. 'depth', task.kind, -1)
    open_door('room')
  elseif from == 'leased' then
    redis.call('ZREM', base .. 'leases', id)
  elseif from == 'done' then
    redis.call('HDEL', base .. 'results:' .. task.group, id)
  elseif from == 'dead' then
    redis.call('SREM', base .. 'dead:' .. task.group, id)
  end
  if from then count(task.group, from, -1) end
  count(task.group, to, 1)
  if to == 'waiting' then redis.call('HINCRBY', base .. 'depth', task.kind, 1) end
  if to == 'dead' then redis.call('SADD', base .. 'dead:' .. task.group, id) end
  redis.call('HSET', base .. 'task:' .. id, 'state', to)
  task.state = to
  if is_open(to) and not is_open(from) then
    redis.call('SADD', base .. 'open:' .. task.group, id)
    redis.call('DEL', base .. 'settled:' .. task.group)
  elseif not is_open(to) then
    redis.call('SREM', base .. 'open:' .. task.group, id)
    if redis.call('EXISTS', base .. 'open:' .. task.group) == 0 then open_door('settled:' .. task.group) end
  end
end

-- At most one token per waiting task: the list cannot grow while nobody blocks on it.
local function wake(kind)
  local tokens = redis.call('LLEN', base .. 'wake:' .. kind)
  if tokens < redis.call('ZCARD', base .. 'waiting:' .. kind) then
    redis.call('RPUSH', base .. 'wake:' .. kind, 1)
  end
end

local function enqueue(id, task)
  redis.call('ZADD', base .. 'waiting:' .. task.kind, task.rank, id)
  wake(task.kind)
end

local function to_waiting(id, task)
  move(id, task, 'waiting')
  enqueue(id, task)
end

-- Back to the queue, ready at `ready` (ms; nil: now), or dead when the attempts are used up.
local function give_back(id, task, message, ready)
  redis.call('HSET', base .. 'task:' .. id, 'error', message)
  if task.attempts >= task.max_attempts then
    move(id, task, 'dead')
  elseif ready then
    move(id, task, 'waiting')
    redis.call('ZADD', base .. 'delayed', ready, id)
    -- A blocked worker must learn the new, perhaps earlier, time at which there is something to do.
    open_door('wake:' .. task.kind)
  else
    to_waiting(id, task)
  end
end

-- An expired lease has already cost its length: its task is ready at once.
local function reap(now)
  local expired = redis.call('ZRANGEBYSCORE', base .. 'leases', '-inf', now, 'LIMIT', 0, 100)
  for _, id in ipairs(expired) do
    local task = load(id)
    give_back(id, task, 'lease expired (worker ' .. task.owner .. ' died or hung)', nil)
  end
  return #expired
end

local function promote_delayed(now)
  local ready = redis.call('ZRANGEBYSCORE', base .. 'delayed', '-inf', now, 'LIMIT', 0, 100)
  for _, id in ipairs(ready) do
    redis.call('ZREM', base .. 'delayed', id)
    enqueue(id, load(id))
  end
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

local function holds(task, fence, now)
  return task and task.state == 'leased' and task.fence == fence and task.deadline > now
end
