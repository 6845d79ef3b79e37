-- Cancels one scheduled retry: writes its dead letter, then deletes it.
-- KEYS: due (sorted set), delayed (hash), dead (stream). ARGV: the retry's name, the group's index of failures
-- (hash; not in KEYS: a server that denies it would refuse the script), the most groups of that index, the
-- letter's signature, the facts of its group (JSON), then the letter's names and values.
-- Returns 1, or 0 if the retry does not wait any more.
local due, delayed, dead, name = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
-- include failure_index
if redis.call('HEXISTS', delayed, name) == 0 then return 0 end
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local letter = redis.call('XADD', dead, '*', unpack(ARGV, 6))
redis.call('HDEL', delayed, name)
redis.call('ZREM', due, name)
index_letter(ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], letter, at)
return 1
