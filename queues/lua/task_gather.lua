-- Returns expired leases to the queue, ends back-offs and reads the counts of a group. ARGV: group.
-- Returns {ms until the next lease expires (-1: there is none), ledger as HGETALL would give it}. Closes the door
-- `settled` of the group when tasks of it are waiting or leased.
-- Uses task_deliveries.lua.
-- Uses task_counts.lua.
local now = now_ms()
reap(now)
promote_all(now)
flush()
if redis.call('EXISTS', base .. 'open:' .. ARGV[1]) == 1 then redis.call('DEL', base .. 'settled:' .. ARGV[1]) end
return {next_event(now, {'leases'}), ledger_of(ARGV[1])}
