-- Returns expired leases to the queue and ends back-offs.
-- Returns {leases reaped, ms until something may change (-1: nothing pending)}.
local now = now_ms()
local reaped = reap(now)
promote_delayed(now)
return {reaped, next_event(now)}
