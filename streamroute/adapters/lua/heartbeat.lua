-- Keeps the leases of entries that one consumer holds, under the fence: what another has taken stays there.
-- KEYS: the stream, the group's meta (hash). ARGV: group, consumer, lease (ms), then for each entry its id
-- and its delivery count.
-- Returns {now (ms), {ids that another consumer has}, {ids that were deleted while pending}}. An id that is
-- not pending at all is in neither: it was settled a moment ago.
local key, meta, group, me = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local lease = tonumber(ARGV[3])
local lost, deleted = {}, {}
-- Asked first: where a script's clock goes on (Redis 6.2), a later time would promise more than the leases are.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  local held = redis.call('XPENDING', key, group, id, id, 1)[1]
  if held and (held[2] ~= me or held[4] ~= tonumber(ARGV[i + 1])) then
    lost[#lost + 1] = id
  elseif held and not redis.call('XCLAIM', key, group, me, 0, id, 'JUSTID')[1] then
    deleted[#deleted + 1] = id
  end
end

-- The longest lease of any worker that is alive is in force for all, so that a rollout to a shorter one
-- steals nothing. A server that is full refuses to note it; the leases are kept all the same.
local known = redis.call('HMGET', meta, 'lease', 'lease_until')
if lease >= tonumber(known[1] or 0) or now >= tonumber(known[2] or 0) then
  redis.pcall('HSET', meta, 'lease', lease, 'lease_until', now + 2 * lease)
end
return {now, lost, deleted}
