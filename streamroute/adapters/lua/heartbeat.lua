-- Keeps the leases of entries that one consumer holds, under the fence: what another has taken stays there.
-- KEYS: the stream, the group's workers (hash), the group's routes (hash). ARGV: group, consumer, lease (ms), a
-- digest of the worker's routes (may be empty), then for each entry its id and its delivery count.
-- The workers' hash has a field for each consumer: until when it counts as alive (ms), its lease (ms) and its
-- digest; the routes' hash has the names of the routes by digest.
-- Returns {now (ms), {ids that another consumer has}, {ids that were deleted while pending}, the longest
-- lease of a worker that is alive (ms), whose that is, 1 where the names behind the digest are known}. An id
-- that is not pending at all is in neither list: it was settled a moment ago.
local key, workers, routes, group, me = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]
local lease, digest = tonumber(ARGV[3]), ARGV[4]
local lost, deleted = {}, {}
-- Asked first: where a script's clock goes on (Redis 6.2), a later time would promise more than the leases are.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 5, #ARGV, 2 do
  local id = ARGV[i]
  local held = redis.call('XPENDING', key, group, id, id, 1)[1]
  if held and (held[2] ~= me or held[4] ~= tonumber(ARGV[i + 1])) then
    lost[#lost + 1] = id
  elseif held and not redis.call('XCLAIM', key, group, me, 0, id, 'JUSTID')[1] then
    deleted[#deleted + 1] = id
  end
end

-- A note of a worker counts while its time has not come, and only where a worker can have written it: that time
-- is two leases ahead, or a minute more where the clock was put back, and no lease is longer than 30 days.
local function is_alive(alive, lease)
  alive, lease = tonumber(alive), tonumber(lease)
  if not alive or not lease or lease > 30 * 86400 * 1000 then return false end
  return now < alive and alive <= now + 4 * lease + 60000
end

-- A server that is full refuses to note the worker; the leases are kept all the same.
redis.pcall('HSET', workers, me, string.format('%.0f %.0f %s', now + 2 * lease, lease, digest))
local longest, whose = lease, me
local known = redis.call('HGETALL', workers)
for i = 1, #known, 2 do
  local alive, other = string.match(known[i + 1], '^(%d+) (%d+) ')
  if is_alive(alive, other) and tonumber(other) > longest then
    longest, whose = tonumber(other), known[i]
  end
end
return {now, lost, deleted, longest, whose, digest == '' and 1 or redis.call('HEXISTS', routes, digest)}
