-- Finds permissions and commands that consuming needs and the user or the server lacks: each command is
-- called in a form that changes nothing.
-- KEYS: the stream. ARGV: an unused key; then, for each key that a consumer uses, the key and the ACL rule to
-- add if the user may not access it. These keys are not in KEYS: the server would refuse the whole script.
-- Returns {rules to add to the user's ACL, commands that the server does not support}. A server looks up the
-- command, then checks the permission, then parses the arguments: any other error proves that all three are
-- fine.
local nobody = ARGV[1]
local missing, unknown, seen = {}, {}, {}

local function lack(right)
  if not seen[right] then missing[#missing + 1] = right end
  seen[right] = true
end

local function refusal(...)
  local answer = redis.pcall(...)
  local said = type(answer) == 'table' and answer.err or ''
  if string.find(said, 'access a key', 1, true) or string.find(said, 'keys mentioned', 1, true) then return 'key' end
  for _, words in ipairs({'NOPERM', 'ACL failure', 'The user executing the script'}) do
    if string.find(said, words, 1, true) then return 'command' end
  end
  -- An older server reports a newer option as a syntax error.
  for _, words in ipairs({'nknown Redis command', 'nknown command', 'syntax error', 'Invalid stream ID', 'not an integer', 'not a float'}) do
    if string.find(said, words, 1, true) then return 'unknown' end
  end
end

-- The command and its options, in capitals.
local function form(words)
  local parts = {string.upper(words[1])}
  for i = 2, #words do
    if i == 2 and words[2] ~= nobody or string.find(words[i], '^%u%u+$') then
      parts[#parts + 1] = string.upper(words[i])
    end
  end
  return table.concat(parts, ' ')
end

for i = 2, #ARGV, 2 do
  if refusal('TYPE', ARGV[i]) == 'key' or refusal('XDEL', ARGV[i], '0-0') == 'key' then lack(ARGV[i + 1]) end
end

local calls = {
  {'time'},
  {'exists', nobody}, {'type', nobody}, {'get', nobody}, {'del', nobody}, {'set', nobody, '', 'XX'},
  {'hget', nobody, 'a'}, {'hmget', nobody, 'a'}, {'hgetall', nobody}, {'hexists', nobody, 'a'},
  {'hlen', nobody}, {'hscan', nobody, '0'}, {'hdel', nobody, 'a'},
  {'zcard', nobody}, {'zscore', nobody, 'a'}, {'zadd', nobody, 'XX', 0, 'a'}, {'zrange', nobody, '-inf', 0, 'BYSCORE', 'LIMIT', 0, 1}, {'zrem', nobody, 'a'},
  {'xadd', nobody, 'NOMKSTREAM', '*', 'a', 'b'}, {'xrange', nobody, '(0-0', '+', 'COUNT', 1},
  {'xack', nobody, 'a', '0-1'}, {'xdel', nobody, '0-1'}, {'xtrim', nobody, 'MINID', '~', '0', 'LIMIT', 1},
  {'xpending', nobody, 'a', 'IDLE', 0, '-', '+', 1}, {'xclaim', nobody, 'a', 'b', 0, '0-1'},
  {'xreadgroup', 'GROUP', 'a', 'b', 'STREAMS', nobody, '>'},
  {'xgroup|create', nobody, 'a', '0'}, {'xgroup|delconsumer', nobody, 'a', 'b'},
  {'xinfo|consumers', nobody, 'a'}, {'xinfo|groups', nobody}, {'xinfo|stream', nobody},
}
for _, call in ipairs(calls) do
  local words = {}
  for word in string.gmatch(call[1], '[^|]+') do words[#words + 1] = word end
  for i = 2, #call do words[#words + 1] = call[i] end
  local refused = refusal(unpack(words))
  if refused == 'command' then lack('+' .. call[1]) end
  if refused == 'unknown' then unknown[#unknown + 1] = form(words) end
end

-- These two have no form that writes nothing; the field is deleted again at once.
if not seen['+hdel'] then
  for _, name in ipairs({'hset', 'hsetnx'}) do
    local refused = refusal(name, nobody, 'a', 'b')
    if refused == 'command' then lack('+' .. name) end
    if refused == 'unknown' then unknown[#unknown + 1] = string.upper(name) end
    redis.pcall('HDEL', nobody, 'a')
  end
end
return {missing, unknown}
