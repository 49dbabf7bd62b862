-- Returns expired leases to the queue. No ARGV. Returns how many.
-- Uses task_deliveries.lua.
return reap(now_ms())
