-- Schedules one entry; a second entry of the same name is ignored.
-- KEYS: due (sorted set), delayed (hash). ARGV: name, delay (ms), entry.
-- The entry is written first: a due name without an entry is dropped.
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local new = redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[1], 'NX', at + tonumber(ARGV[2]), ARGV[1])
return new
