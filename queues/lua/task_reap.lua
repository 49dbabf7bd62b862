-- Returns expired leases to the queue and ends back-offs. No ARGV. Returns how many leases.
-- Uses task_deliveries.lua.
promote_all(now_ms())
return reap(now_ms())
