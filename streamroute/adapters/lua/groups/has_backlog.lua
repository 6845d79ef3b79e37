-- Checks whether a group has unfinished entries of a stream, up to an entry.
-- KEYS: the stream, retry (stream), delayed (hash). ARGV: group, the entry's id.
-- It is one step because entries move meanwhile: from unread to pending, to delayed, to the retry stream, and
-- back to delayed.
-- Returns 1 if an entry is unread, pending or waiting for a retry, else 0.
local stream, retry, delayed = KEYS[1], KEYS[2], KEYS[3]
local group, upto = ARGV[1], ARGV[2]

-- include precedes

-- The name of a retry begins with the id of its original entry.
local function is_left(name)
  return not precedes(upto, string.match(name, '^[^|]*'))
end

local read
if redis.call('EXISTS', stream) == 1 then
  for _, facts in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group_of = {}
    for i = 1, #facts, 2 do group_of[facts[i]] = facts[i + 1] end
    if group_of.name == group then read = group_of['last-delivered-id'] end
  end
end
if not read then return 1 end -- the group is missing, and so is its position: its consumers create it

-- Uses XRANGE because the server may not know a group's lag.
if precedes(read, upto) and #redis.call('XRANGE', stream, '(' .. read, upto, 'COUNT', 1) > 0 then return 1 end
if #redis.call('XPENDING', stream, group, '-', upto, 1) > 0 then return 1 end

local start = '-'
repeat
  local rows = redis.call('XRANGE', retry, start, '+', 'COUNT', 500)
  for _, row in ipairs(rows) do
    if row[2][1] ~= 'name' or is_left(row[2][2]) then return 1 end
    start = '(' .. row[1]
  end
until #rows == 0

local cursor = '0'
repeat
  local page = redis.call('HSCAN', delayed, cursor, 'COUNT', 500)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    if is_left(page[2][i]) then return 1 end
  end
until cursor == '0'
return 0
