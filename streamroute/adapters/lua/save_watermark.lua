-- Notes how far a group has come, for the day on which the group is lost.
-- KEYS: the stream, the group's meta (hash). ARGV: group.
-- Returns what it has noted, as XRANGE writes the start of a range: "7-0" where the entry 7-0 is the first
-- that is still pending, "(7-0" where everything up to it is settled; nothing where there is no such group. A
-- server that is full notes nothing; a meta that is no hash is an error.
local key, meta, group = KEYS[1], KEYS[2], ARGV[1]
local low
local pending = redis.pcall('XPENDING', key, group, '-', '+', 1)
if pending.err then return false end
if pending[1] then
  low = pending[1][1]
else
  for _, known in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local facts = {}
    for i = 1, #known, 2 do facts[known[i]] = known[i + 1] end
    if facts.name == group then low = '(' .. facts['last-delivered-id'] end
  end
end
local noted = redis.pcall('HGET', meta, 'low')
if type(noted) == 'table' and string.find(noted.err, 'WRONGTYPE') then return noted end
if noted ~= low then redis.pcall('HSET', meta, 'low', low) end
return low
