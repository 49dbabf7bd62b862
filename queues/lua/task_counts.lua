-- Stands before the scripts that say "Uses task_counts.lua": counts, read off the indexes. Returns nothing.

-- The counts of a group as HGETALL would give them.
local function ledger_of(group)
  local all, leased = 0, #redis.call('ZINTER', 2, base .. 'leases', base .. 'open:' .. group)
  for _, by in ipairs(redis.call('HVALS', base .. 'submitted:' .. group)) do all = all + tonumber(by) end
  return {
    'submitted', all,
    'waiting', redis.call('SCARD', base .. 'open:' .. group) - leased,
    'leased', leased,
    'done', redis.call('HLEN', base .. 'results:' .. group),
    'dead', redis.call('SCARD', base .. 'dead:' .. group),
    'cancelled', redis.call('SCARD', base .. 'cancelled:' .. group),
    'duplicates', tonumber(redis.call('HGET', base .. 'duplicates', group) or 0),
  }
end

-- How many tasks of a kind back off, and how many wait (those included).
local function depth_of(kind)
  local delayed = redis.call('ZCARD', base .. 'delayed:' .. kind)
  return delayed, redis.call('ZCARD', base .. 'waiting:' .. kind) + delayed
end
