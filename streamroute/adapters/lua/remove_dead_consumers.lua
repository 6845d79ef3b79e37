-- Deletes consumers that have been gone for long and hold nothing: DELCONSUMER would destroy what they hold.
-- KEYS: the stream. ARGV: group, a consumer that stays, the consumer that holds what was released, the idle
-- time (ms) from which on a consumer is gone. One that comes back all the same is made anew by its next read.
-- Returns the names of those that were deleted.
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
