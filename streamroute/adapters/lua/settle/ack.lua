-- Acknowledges entries that one consumer has finished, unless another consumer has claimed them.
-- KEYS: the stream. ARGV: group, consumer, deadline (Redis time, ms), "drop" to delete acknowledged entries
-- from the stream or "keep", the ids, their delivery counts (empty if each is 1). Ids and counts are one
-- space-separated argument each: several hundred arguments cost the client more than handling the entries.
-- Returns the ids that this consumer no longer holds. Before the deadline no other consumer can have claimed
-- an entry, so a plain XACK is safe; after it each entry is looked up.
local key, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local now = redis.call('TIME')
local late = now[1] * 1000 + math.floor(now[2] / 1000) >= tonumber(ARGV[3])
local next_count = string.gmatch(ARGV[6], '%S+')
local lost, ours = {}, {}
for id in string.gmatch(ARGV[5], '%S+') do
  local mine = true
  if late then
    local held = redis.call('XPENDING', key, group, id, id, 1)[1]
    mine = held and held[2] == consumer and held[4] == tonumber(next_count() or 1)
  end
  if mine then ours[#ours + 1] = id else lost[#lost + 1] = id end
end
if #ours > 0 then
  redis.call('XACK', key, group, unpack(ours))
  if ARGV[4] == 'drop' then redis.call('XDEL', key, unpack(ours)) end
end
return lost
