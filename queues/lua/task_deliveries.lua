-- Stands before the scripts that say "Uses task_deliveries.lua": how deliveries begin and end. Returns nothing.

-- Where a tally of the metrics stands in `tallies:KIND` (redis_queue_metrics.py reads it). Of a duration this is the
-- sum (ms); its buckets follow.
local TALLY = {delivered = 0, failed = 1, expired = 2, waited = 3, worked = 27}

-- For the metrics: how often something happened to tasks of a kind. `place` is from TALLY.
local function tally(kind, place, by)
  local places = tallies[kind]
  if not places then
    places = {}
    tallies[kind] = places
  end
  places[place] = (places[place] or 0) + by
end

-- For the metrics: one more duration, from `since` to `now` (ms). Bucket e holds those of at most 2^e ms, bucket 22 all
-- longer ones.
local function tally_duration(kind, place, since, now)
  local ms, e = math.max(0, now - since), 0
  while e < 22 and 2 ^ e < ms do e = e + 1 end
  tally(kind, place, ms)
  tally(kind, place + 1 + e, 1)
end

-- Back to the queue, ready at `ready` (ms; nil: now), or dead when the attempts are used up.
local function give_back(id, task, message, ready)
  local error = {'error', message}
  if task.attempts >= task.max_attempts then
    move(id, task, 'dead', error)
  elseif ready then
    move(id, task, 'waiting', error)
    note('ZADD', 'delayed:' .. task.kind, ready, id)
    -- A blocked worker must learn the new, perhaps earlier, time at which there is something to do.
    open_door('wake:' .. task.kind)
  else
    to_waiting(id, task, error)
  end
end

-- An expired lease has already cost its length: its task is ready at once.
local function reap(now)
  local expired = redis.call('ZRANGEBYSCORE', base .. 'leases', '-inf', now, 'LIMIT', 0, 100)
  for _, id in ipairs(expired) do
    local task = load(id)
    give_back(id, task, 'lease expired (worker ' .. task.owner .. ' died or hung)', nil)
    tally(task.kind, TALLY.expired, 1)
  end
  return #expired
end

-- Ends the back-offs of a kind that are over.
local function promote_delayed(kind, now)
  local ready = redis.call('ZRANGEBYSCORE', base .. 'delayed:' .. kind, '-inf', now, 'LIMIT', 0, 100)
  for _, id in ipairs(ready) do
    note('ZREM', 'delayed:' .. kind, id)
    enqueue(id, load(id))
  end
  return #ready
end

-- The same for every kind, so that a back-off that is over stays over when the server's clock is set back.
local function promote_all(now)
  for _, kind in ipairs(redis.call('SMEMBERS', base .. 'kinds')) do promote_delayed(kind, now) end
end

-- Milliseconds until the first entry of these indexes is due; -1 when they are empty.
local function next_event(now, indexes)
  local pause = -1
  for _, name in ipairs(indexes) do
    local head = redis.call('ZRANGE', base .. name, 0, 0, 'WITHSCORES')
    if head[2] and (pause < 0 or tonumber(head[2]) - now < pause) then
      pause = math.max(0, tonumber(head[2]) - now)
    end
  end
  return pause
end

-- The first of `many` new fences. They follow the clock (us), so that a crash of the server that takes the newest writes
-- with it does not make it give a fence a second time.
local function new_fences(many)
  local now = now_us()
  local last = tonumber(redis.call('SET', base .. 'fence', string.format('%.0f', now + many), 'GET') or 0)
  if last <= now then return now + 1 end
  redis.call('SET', base .. 'fence', string.format('%.0f', last + many))
  return last + 1
end

local function holds(task, fence, now)
  return task and task.state == 'leased' and task.fence == fence and task.deadline > now
end

-- Marks the tasks of ARGV from `first` on (id, fence, result of each lease) done. Returns for each 'ok', or why not: the
-- state of the task, 'expired', or 'unknown'. A refusal counts as a duplicate.
local function acknowledge(first)
  local now, answers = now_ms(), {}
  for i = first, #ARGV, 3 do
    local id, fence = ARGV[i], ARGV[i + 1]
    local task, answer = load(id), 'ok'
    if not task then
      answer = 'unknown'
    elseif holds(task, fence, now) then
      move(id, task, 'done')
      -- The fence is the time of the delivery (us).
      tally_duration(task.kind, TALLY.worked, math.floor(tonumber(fence) / 1000), now)
      note('HSET', 'results:' .. task.group, id, ARGV[i + 2])
    elseif task.state ~= 'done' or task.fence ~= fence then
      redis.call('HINCRBY', base .. 'duplicates', task.group, 1)
      answer = task.state
      if answer == 'leased' and task.fence == fence then answer = 'expired' end
    end
    answers[#answers + 1] = answer
  end
  return answers
end
