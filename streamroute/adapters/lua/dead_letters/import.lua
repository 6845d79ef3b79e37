-- Writes a dead letter of an export, unless it is there.
-- KEYS: dead (stream), the ids of imported letters (hash: id in the export -> id here).
-- ARGV: its id in the export, how long to remember it after the last import (s), its group's index of failures
-- (hash; not in KEYS: a server that denies it would refuse the script), the most groups of that index; then
-- its signature (empty: it cannot be read), the facts of its group (JSON), its names and values. Without
-- these, nothing is written.
-- Returns 1, or 0 if the letter, or its copy of an earlier import, is there.
local dead, imported, id = KEYS[1], KEYS[2], ARGV[1]
-- include failure_index
local copy = redis.call('HGET', imported, id)
for _, known in ipairs({id, copy or id}) do
  if #redis.call('XRANGE', dead, known, known) > 0 then return 0 end
end
if #ARGV == 4 then return 1 end
local new = redis.call('XADD', dead, '*', unpack(ARGV, 7))
redis.call('HSET', imported, id, new)
redis.call('EXPIRE', imported, ARGV[2])
if ARGV[5] ~= '' then
  local time = redis.call('TIME')
  local at = time[1] * 1000 + math.floor(time[2] / 1000)
  index_letter(ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], new, at)
end
return 1
