-- Settles one entry whose routes failed: every retry and dead letter is written, and only then the ack.
-- KEYS: the stream that the entry is pending in, due (sorted set), delayed (hash), dead (stream).
-- ARGV: group, consumer, id, delivery count, "drop" or "keep", how many retries, then for each retry its
-- name, its delay (ms), its entry; then for each dead letter how many fields and values, and those.
-- Returns 1, or 0 where the entry was no longer ours and nothing was written.
local key, due, delayed, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, consumer, id = ARGV[1], ARGV[2], ARGV[3]
local held = redis.call('XPENDING', key, group, id, id, 1)[1]
if not held or held[2] ~= consumer or held[4] ~= tonumber(ARGV[4]) then return 0 end

-- A script that fails halfway is not rolled back, so what could fail is asked first.
local function expect(name, kind)
  local found = redis.call('TYPE', name).ok
  if found ~= 'none' and found ~= kind then
    error({err = 'WRONGTYPE ' .. name .. ' is a ' .. found .. ', and streamroute needs a ' .. kind .. ' there'})
  end
end
expect(due, 'zset')
expect(delayed, 'hash')
expect(dead, 'stream')

local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local next_arg = 7
for _ = 1, tonumber(ARGV[6]) do
  local name, delay, entry = ARGV[next_arg], tonumber(ARGV[next_arg + 1]), ARGV[next_arg + 2]
  redis.call('ZADD', due, 'NX', at + delay, name)
  redis.call('HSETNX', delayed, name, entry)
  next_arg = next_arg + 3
end
while next_arg <= #ARGV do
  local count = tonumber(ARGV[next_arg])
  redis.call('XADD', dead, '*', unpack(ARGV, next_arg + 1, next_arg + count))
  next_arg = next_arg + count + 1
end
redis.call('XACK', key, group, id)
if ARGV[5] == 'drop' then redis.call('XDEL', key, id) end
return 1
