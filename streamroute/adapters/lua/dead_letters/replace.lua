-- Replaces a dead letter by an edited one of the same group: writes the new one, then deletes the old one.
-- KEYS: dead (stream). ARGV: the dead letter's id, its group's index of failures (hash; not in KEYS: a server
-- that denies it would refuse the script), its signature, then the names and values of the edited one.
-- Returns the new id, or nil if the dead letter does not exist any more.
local dead, id = KEYS[1], ARGV[1]
-- include failure_index
if #redis.call('XRANGE', dead, id, id) == 0 then return false end
local new = redis.call('XADD', dead, '*', unpack(ARGV, 4))
redis.call('XDEL', dead, id)
pcall(function()
  local found = failure_of(redis.call('HGET', ARGV[2], ARGV[3]))
  if not found then return end
  for i, sample in ipairs(found.samples) do
    if sample == id then found.samples[i] = new end
  end
  redis.call('HSET', ARGV[2], ARGV[3], cjson.encode(found))
end)
return new
