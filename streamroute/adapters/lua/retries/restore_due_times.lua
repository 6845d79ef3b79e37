-- Makes delayed entries due now if they have no due time, because the sorted set was deleted or evicted, or
-- one more than a year ahead, which no worker writes.
-- KEYS: due (sorted set), delayed (hash). ARGV: a cursor, how many entries to examine in one step.
-- Returns {the cursor of the next step ("0": all were examined), {names of the entries made due}}.
local due, delayed = KEYS[1], KEYS[2]
local page = redis.call('HSCAN', delayed, ARGV[1], 'COUNT', ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local restored = {}
for i = 1, #page[2], 2 do
  local name = page[2][i]
  local at = tonumber(redis.call('ZSCORE', due, name) or 'inf')
  if not (at and at <= now + 366 * 86400 * 1000) then
    redis.call('ZADD', due, now, name)
    restored[#restored + 1] = name
  end
end
return {page[1], restored}
