-- Returns expired leases to the queue. No ARGV. Returns how many.
return reap(now_ms())
