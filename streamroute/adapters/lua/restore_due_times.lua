-- Gives a due time to entries that wait and have none: the sorted set was deleted, or evicted. They are due now.
-- So are those whose due time is more than a year ahead: somebody has overwritten it.
-- KEYS: due (sorted set), delayed (hash). ARGV: a cursor, how many entries are looked at in one step.
-- Returns {the cursor of the next step ("0": all were looked at), {names of those that had none}}.
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
