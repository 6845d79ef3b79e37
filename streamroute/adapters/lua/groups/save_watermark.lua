-- Saves the low watermark of a group, so that a deleted group can start there again.
-- KEYS: the stream, the group's meta (hash). ARGV: group.
-- Returns the watermark in the syntax of XRANGE: "7-0" if the entry 7-0 is the oldest pending one, "(7-0" if
-- every entry up to it is settled; nil if the group does not exist. A server without free memory saves
-- nothing; a meta key that is not a hash is an error.
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
