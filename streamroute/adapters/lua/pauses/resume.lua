-- Ends the pause of a route, or of the whole stream. KEYS: paused (hash). ARGV: the route (empty: the stream).
-- Returns the pause, or an empty string if there was none.
local before = redis.call('HGET', KEYS[1], ARGV[1]) or ''
redis.call('HDEL', KEYS[1], ARGV[1])
return before
