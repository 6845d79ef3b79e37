-- Replaces indexes of failures by what was counted in a stream of dead letters, unless it has changed since.
-- KEYS: dead (stream). ARGV: the number of letters that were counted, the stream's last id before; then for
-- each index its key (hash; not in KEYS: a server that denies it would refuse the script), the number of its
-- groups, and for each group its signature and its JSON.
-- What was resolved stays so; a group without letters stays if it was resolved.
-- Returns 1, or 0 if the letters have changed.
local dead, next_arg = KEYS[1], 3
-- include failure_index
if redis.call('XLEN', dead) ~= tonumber(ARGV[1]) then return 0 end
if redis.call('EXISTS', dead) == 1 then
  local facts = redis.call('XINFO', 'STREAM', dead)
  for i = 1, #facts, 2 do
    if facts[i] == 'last-generated-id' and facts[i + 1] ~= ARGV[2] then return 0 end
  end
end
while next_arg <= #ARGV do
  local failures, size = ARGV[next_arg], tonumber(ARGV[next_arg + 1])
  local counted = {}
  for i = next_arg + 2, next_arg + 1 + 2 * size, 2 do counted[ARGV[i]] = cjson.decode(ARGV[i + 1]) end
  local known = redis.call('HGETALL', failures)
  for i = 1, #known, 2 do
    local before, now = failure_of(known[i + 1]), counted[known[i]]
    if before and now then
      now.first = math.min(now.first, before.first)
      now.total = math.max(now.total, tonumber(before.total) or 0)
      now.minutes, now.hours = before.minutes or now.minutes, before.hours or now.hours
      now.resolved, now.returned = before.resolved, before.returned
    elseif before and before.resolved and known[i] ~= other_failures then
      before.count, before.samples = 0, {}
      counted[known[i]] = before
    end
  end
  redis.call('DEL', failures)
  for signature, found in pairs(counted) do redis.call('HSET', failures, signature, cjson.encode(found)) end
  next_arg = next_arg + 2 + 2 * size
end
return 1
