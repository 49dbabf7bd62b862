-- Puts replies into the clients' inboxes; only the first reply to a request finds it still there.
-- KEYS[1]: beginning of the service's keys. ARGV: how long an unread inbox is kept (ms), then id, reply of each.
-- Returns how many were delivered.
local base, delivered = KEYS[1], 0
for i = 2, #ARGV, 2 do
  local request = base .. 'request:' .. ARGV[i]
  local inbox = redis.call('HGET', request, 'inbox')
  redis.call('ZREM', base .. 'leases', ARGV[i])
  if inbox then
    redis.call('DEL', request)
    redis.call('RPUSH', inbox, ARGV[i + 1])
    redis.call('PEXPIRE', inbox, ARGV[1])
    delivered = delivered + 1
  end
end
return delivered
