-- Deletes what is known of routes that no worker of a group has any more, unless nobody is alive: then it says
-- whose group this was.
-- KEYS: the group's workers (hash), its routes (hash).
-- Returns how many digests were deleted.
local workers, routes = KEYS[1], KEYS[2]
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
local gone = 0
local named = redis.call('HGETALL', routes)
for i = 1, #named, 2 do
  if not used[named[i]] then gone = gone + redis.call('HDEL', routes, named[i]) end
end
return gone
