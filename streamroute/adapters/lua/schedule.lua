-- Schedules one retry; the same one twice is one.
-- KEYS: due (sorted set), delayed (hash). ARGV: name, delay (ms), entry.
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZADD', KEYS[1], 'NX', at + tonumber(ARGV[2]), ARGV[1])
return redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[3])
