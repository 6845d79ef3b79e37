-- Acknowledges entries that consumers of one process have finished, unless other consumers have claimed them.
-- KEYS: streams. ARGV: for each of them group, consumer, deadline (Redis time, ms), "drop" to delete
-- acknowledged entries from the stream or "keep", the ids, their delivery counts (empty if each is 1). The ids
-- are MessagePack strings, one after the other: the server splits them in one call. Several hundred arguments,
-- or a pattern, cost it more than the XACK itself. The counts are separated by spaces.
-- Returns for each stream the ids that its consumer no longer holds. Before the deadline no other consumer can
-- have claimed an entry, so a plain XACK is safe; after it each entry is looked up.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function split(key, group, consumer, ids, counts)
  local next_count = string.gmatch(counts, '%S+')
  local lost, ours = {}, {}
  for _, id in ipairs({cmsgpack.unpack(ids)}) do
    local count = tonumber(next_count() or 1) -- taken for each entry, held here or not
    local held = redis.call('XPENDING', key, group, id, id, 1)[1]
    local mine = held and held[2] == consumer and held[4] == count
    if mine then ours[#ours + 1] = id else lost[#lost + 1] = id end
  end
  return lost, ours
end

local function ack(key, group, mode, ...)
  redis.call('XACK', key, group, ...)
  if mode == 'drop' then redis.call('XDEL', key, ...) end
end

local answers, late = {}, {}
for i, key in ipairs(KEYS) do
  local group, consumer, deadline, mode, ids, counts = unpack(ARGV, 6 * i - 5, 6 * i)
  local lost, ours = {}, nil
  if now < tonumber(deadline) then
    ack(key, group, mode, cmsgpack.unpack(ids))
  else
    lost, ours = split(key, group, consumer, ids, counts)
    if #ours > 0 then late[#late + 1] = {key, group, mode, ours} end
  end
  answers[i] = lost
end
-- Last: after the error of one stream each is acknowledged again, and an entry that is acknowledged already
-- would then look lost.
for _, found in ipairs(late) do
  local key, group, mode, ours = unpack(found)
  ack(key, group, mode, unpack(ours))
end
return answers
