-- Renews the leases of entries that one consumer still holds; those that another has claimed stay unchanged.
-- KEYS: the stream, the group's workers (hash), the group's routes (hash), its workers' generations (hash).
-- ARGV: group, consumer, lease (ms), a digest of the worker's routes (may be empty), its generation (may be
-- empty), then for each entry its id and its delivery count.
-- The workers' hash has a field for each consumer: the time until which it counts as alive (ms), its lease
-- (ms) and its digest; the routes' hash maps a digest to route names. The generations' hash also has a field
-- for each consumer, which is valid while that consumer counts as alive.
-- Returns {now (ms), {ids that another consumer has}, {ids that were deleted while pending}, the longest
-- lease of a live worker (ms), that worker's consumer, 1 if the routes' hash has the digest}. An id that is
-- not pending is in neither list: it has just been settled.
local key, workers, routes, generations, group, me = KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], ARGV[2]
local lease, digest, generation = tonumber(ARGV[3]), ARGV[4], ARGV[5]
local lost, deleted = {}, {}
-- TIME comes first: in Redis 6.2 the clock advances during a script, and a later time would overstate the
-- leases.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 6, #ARGV, 2 do
  local id = ARGV[i]
  local held = redis.call('XPENDING', key, group, id, id, 1)[1]
  if held and (held[2] ~= me or held[4] ~= tonumber(ARGV[i + 1])) then
    lost[#lost + 1] = id
  elseif held and not redis.call('XCLAIM', key, group, me, 0, id, 'JUSTID')[1] then
    deleted[#deleted + 1] = id
  end
end

-- include is_alive

-- A server without free memory refuses these writes; the leases are renewed nevertheless.
redis.pcall('HSET', workers, me, string.format('%.0f %.0f %s', now + 2 * lease, lease, digest))
if (redis.call('HGET', generations, me) or '') ~= generation then
  redis.pcall('HSET', generations, me, generation)
end
local longest, whose = lease, me
local known = redis.call('HGETALL', workers)
for i = 1, #known, 2 do
  local alive, other = string.match(known[i + 1], '^(%d+) (%d+) ')
  if is_alive(alive, other) and tonumber(other) > longest then
    longest, whose = tonumber(other), known[i]
  end
end
return {now, lost, deleted, longest, whose, digest == '' and 1 or redis.call('HEXISTS', routes, digest)}
