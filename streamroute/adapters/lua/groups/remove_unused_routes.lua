-- Deletes routes and types that no worker of a group has used for a while, and the generations of workers
-- without a record. Keeps all routes if no worker is alive: then they show which configuration the group
-- belonged to.
-- KEYS: the group's workers (hash), its routes (hash), its workers' generations (hash).
-- ARGV: how long to keep an unused digest (ms). The field "unused:DIGEST" holds the time since which it is
-- unused.
-- Returns the number of deleted digests.
local workers, routes, generations, keep = KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1])
local recorded = redis.call('HGETALL', generations)
for i = 1, #recorded, 2 do
  if redis.call('HEXISTS', workers, recorded[i]) == 0 then redis.call('HDEL', generations, recorded[i]) end
end
if redis.call('HLEN', routes) < 2 then return 0 end
local used, alive = {}, false
local known = redis.call('HGETALL', workers)
for i = 2, #known, 2 do
  local digest = string.match(known[i], '^%d+ %d+ (.+)$')
  if digest then
    used[digest] = true
    alive = true
  end
end
if not alive then return 0 end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local digests, notes = {}, {}
local named = redis.call('HGETALL', routes)
for i = 1, #named, 2 do
  local digest = string.match(named[i], '^unused:(.+)$')
  if digest then
    notes[digest] = tonumber(named[i + 1]) or now
  else
    digests[named[i]] = true
  end
end

local gone = 0
for digest in pairs(digests) do
  if not used[digest] and not notes[digest] then
    redis.call('HSET', routes, 'unused:' .. digest, now)
  elseif not used[digest] and now - notes[digest] >= keep then
    gone = gone + redis.call('HDEL', routes, digest)
    digests[digest] = nil
  end
end
for digest in pairs(notes) do
  if used[digest] or not digests[digest] then redis.call('HDEL', routes, 'unused:' .. digest) end
end
return gone
