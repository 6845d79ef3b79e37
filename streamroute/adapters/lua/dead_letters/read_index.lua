-- Reads the indexes of failures of the groups that share a stream of dead letters.
-- KEYS: dead (stream). ARGV: the most groups of an index, then the indexes (hashes; not in KEYS: a server that
-- denies one would refuse the script).
-- Returns the number of letters, then for each index its fields and values, or the reason why it cannot be
-- read (an index with far more fields than workers write is not read).
local reply, limit = {redis.call('XLEN', KEYS[1])}, tonumber(ARGV[1])
for i = 2, #ARGV do
  local size = redis.pcall('HLEN', ARGV[i])
  if type(size) == 'table' then
    reply[i] = size.err
  elseif size > 2 * limit + 10 then
    reply[i] = 'it has ' .. size .. ' fields'
  else
    local found = redis.pcall('HGETALL', ARGV[i])
    reply[i] = found.err or found
  end
end
return reply
