-- Acks what one consumer has finished, under a fence.
-- KEYS: the stream. ARGV: group, consumer, deadline (Redis time, ms), how many ids, the ids, their delivery
-- counts (left out where each is 1), and "drop" in front of the ids where acked entries leave the stream.
-- Returns the ids that were no longer ours. Before the deadline no claimer can have taken any of them, so
-- a plain XACK will do; after it each is looked up.
local key, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local now = redis.call('TIME')
local late = now[1] * 1000 + math.floor(now[2] / 1000) >= tonumber(ARGV[3])
local count, drop = tonumber(ARGV[4]), ARGV[5] == 'drop'
local lost, ours = {}, {}
for i = 1, count do
  local id = ARGV[5 + i]
  local mine = true
  if late then
    local held = redis.call('XPENDING', key, group, id, id, 1)[1]
    mine = held and held[2] == consumer and held[4] == tonumber(ARGV[5 + count + i] or 1)
  end
  if mine then ours[#ours + 1] = id else lost[#lost + 1] = id end
end
if #ours > 0 then
  redis.call('XACK', key, group, unpack(ours))
  if drop then redis.call('XDEL', key, unpack(ours)) end
end
return lost
