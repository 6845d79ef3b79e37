-- Marks a group of failures as resolved, or as open again.
-- KEYS: the group's index of failures (hash). ARGV: the signature, "resolve" or "reopen", who does, why.
-- Returns 1, or 0 if the index has no such group.
local failures, signature = KEYS[1], ARGV[1]
-- include failure_index
local found = failure_of(redis.call('HGET', failures, signature))
if not found then return 0 end
local time = redis.call('TIME')
found.returned = nil
found.resolved = nil
if ARGV[2] == 'resolve' then
  found.resolved = {at = time[1] * 1000 + math.floor(time[2] / 1000), who = ARGV[3], reason = ARGV[4]}
end
redis.call('HSET', failures, signature, cjson.encode(found))
return 1
