-- Names parked messages again whose name was deleted (or evicted) from the sorted set, so that they return.
-- KEYS: parked (sorted set), parked entries (hash). ARGV: a cursor, how many entries to examine in one step.
-- Returns {the cursor of the next step ("0": all were examined), the number of names that were restored}.
local parked, entries = KEYS[1], KEYS[2]
local page = redis.call('HSCAN', entries, ARGV[1], 'COUNT', ARGV[2])
local restored = 0
for i = 1, #page[2], 2 do
  local name = page[2][i]
  if not redis.call('ZSCORE', parked, name) then
    redis.call('ZADD', parked, 'NX', 0, name)
    restored = restored + 1
  end
end
return {page[1], restored}
