-- Moves what is paused and parked in a group to the group that replaces it, in bounded steps.
-- KEYS: of the old group paused (hash), parked (sorted set), parked entries (hash), circuits (hash); then the
-- same of the new one. ARGV: how many messages and how many bytes one step moves.
-- Each is added before it is removed. A pause of the new group stays as it is. Keys of another type stay.
-- Returns {1 if there may be more, else 0; the number of moved messages}.
local paused, parked, entries, circuits, new_paused, new_parked, new_entries = unpack(KEYS, 1, 7)
local left, budget = tonumber(ARGV[1]), tonumber(ARGV[2])

local function are(kind, ...)
  for _, key in ipairs({...}) do
    local found = redis.call('TYPE', key).ok
    if found ~= 'none' and found ~= kind then return false end
  end
  return true
end

if are('hash', paused, new_paused) then
  local known = redis.call('HGETALL', paused)
  for i = 1, #known, 2 do redis.call('HSETNX', new_paused, known[i], known[i + 1]) end
  redis.call('DEL', paused)
end
if not (are('zset', parked, new_parked) and are('hash', entries, new_entries)) then return {0, 0} end
local moved = 0
for _, name in ipairs(redis.call('ZRANGE', parked, 0, left - 1)) do
  if budget <= 0 then break end
  local entry = redis.call('HGET', entries, name)
  if entry then
    redis.call('HSETNX', new_entries, name, entry)
    redis.call('ZADD', new_parked, 'NX', 0, name)
    redis.call('HDEL', entries, name)
    budget = budget - #entry
    moved = moved + 1
  end
  redis.call('ZREM', parked, name)
end
if redis.call('EXISTS', parked) == 1 then return {1, moved} end
redis.call('DEL', circuits)
return {0, moved}
