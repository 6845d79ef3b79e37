-- Moves due retries to the group's retry stream, at most ARGV[1], and none after the one that exceeds ARGV[2]
-- bytes: moving gigabytes would block the server.
-- KEYS: due (sorted set), delayed (hash), retry (stream).
-- Each is added before it is removed, so that an interrupted script leaves it in one place or in both.
-- Returns {ms until the next one is due (0: more are due now), or -1 if none is delayed; {names of retries
-- whose entry was deleted}; number of delayed entries whose due time was deleted or is more than a year
-- ahead, which no worker writes}.
local due, delayed, retry = KEYS[1], KEYS[2], KEYS[3]
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local limit, budget = tonumber(ARGV[1]), tonumber(ARGV[2])
local deleted = {}
local names = redis.call('ZRANGE', due, '-inf', at, 'BYSCORE', 'LIMIT', 0, limit)
for _, name in ipairs(names) do
  local entry = redis.call('HGET', delayed, name)
  if entry then
    redis.call('XADD', retry, '*', 'name', name, 'entry', entry)
    redis.call('HDEL', delayed, name)
    budget = budget - #entry
  else
    deleted[#deleted + 1] = name
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
if #nearest == 0 then return {-1, deleted, undue} end
return {math.max(0, tonumber(nearest[2]) - at), deleted, undue}
