-- Adds due entries to the stream that they belong to, at most ARGV[1], and none after the one that exceeds
-- ARGV[2] bytes: adding gigabytes would block the server.
-- KEYS: due (sorted set), delayed (hash), the stream.
-- Each is added before it is removed, so that an interrupted script leaves it in one place or in both. One that
-- is damaged is added as it is, in the field "delayed": its consumers dead-letter it, and the next ones go on.
-- Returns {ms until the next one is due (0: more are due now), or -1 if none is delayed; number of delayed
-- entries whose due time was deleted or is more than a year ahead, which nobody writes; number of added ones}.
local due, delayed, stream = KEYS[1], KEYS[2], KEYS[3]
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local limit, budget = tonumber(ARGV[1]), tonumber(ARGV[2])

-- Names and values alternate, each after its length in four bytes, big-endian.
local function unpacked(entry)
  local parts, position = {}, 1
  while position <= #entry do
    local length, start = struct.unpack('>I4', entry, position)
    parts[#parts + 1] = string.sub(entry, start, start + length - 1)
    position = start + length
  end
  return parts
end

-- A script can pass some 8,000 arguments on.
local function fields(entry)
  local is_whole, parts = pcall(unpacked, entry)
  if is_whole and #parts > 0 and #parts % 2 == 0 and #parts <= 7000 then return parts end
  return {'delayed', entry}
end

local added = 0
for _, name in ipairs(redis.call('ZRANGE', due, '-inf', at, 'BYSCORE', 'LIMIT', 0, limit)) do
  local entry = redis.call('HGET', delayed, name)
  if entry then
    redis.call('XADD', stream, '*', unpack(fields(entry)))
    redis.call('HDEL', delayed, name)
    added, budget = added + 1, budget - #entry
  end
  redis.call('ZREM', due, name)
  if budget <= 0 then break end
end
local undue = math.max(0, redis.call('HLEN', delayed) - redis.call('ZCARD', due))
local farthest = '(' .. at + 366 * 86400 * 1000
for _, name in ipairs(redis.call('ZRANGE', due, farthest, '+inf', 'BYSCORE', 'LIMIT', 0, limit)) do
  if redis.call('HEXISTS', delayed, name) == 1 then undue = undue + 1 else redis.call('ZREM', due, name) end
end
local nearest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
if #nearest == 0 then return {-1, undue, added} end
return {math.max(0, tonumber(nearest[2]) - at), undue, added}
