-- Deletes dead consumers without pending entries: XGROUP DELCONSUMER would delete those too.
-- KEYS: the stream. ARGV: group, a consumer to keep, the consumer that holds released entries, the idle time
-- (ms) after which a consumer counts as dead. A deleted consumer that returns is created again by its next
-- read.
-- Returns the names of the deleted consumers.
local key, group, me, released, idle = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local gone = {}
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
  local facts = {}
  for i = 1, #consumer, 2 do facts[consumer[i]] = consumer[i + 1] end
  if facts.pending == 0 and facts.idle >= idle and facts.name ~= me and facts.name ~= released then
    redis.call('XGROUP', 'DELCONSUMER', key, group, facts.name)
    gone[#gone + 1] = facts.name
  end
end
return gone
