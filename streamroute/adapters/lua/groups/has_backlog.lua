-- Checks whether a group has unfinished entries of a stream, up to an entry.
-- KEYS: the stream, retry (stream), delayed (hash). ARGV: group, the entry's id, what is paused (hash), parked
-- (sorted set); these are not in KEYS: a server that denies one would refuse the script.
-- It is one step because entries move meanwhile: from unread to pending, to delayed, to the retry stream, and
-- back to delayed.
-- Returns 1 if an entry is unread, pending, waiting for a retry, or parked and returning; 2 if only what is
-- paused is left; else 0.
local stream, retry, delayed = KEYS[1], KEYS[2], KEYS[3]
local group, upto, paused, parked = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- include precedes

-- The name of a retry begins with the id of its original entry.
local function is_left(name)
  return not precedes(upto, string.match(name, '^[^|]*'))
end

-- A damaged pause pauses nothing. A circuit stays open until a message has succeeded.
local function is_paused(route)
  local text = redis.pcall('HGET', paused, route)
  if type(text) ~= 'string' or #text > 4096 then return false end
  local is_read, pause = pcall(cjson.decode, text)
  if not is_read or type(pause) ~= 'table' or type(pause.since) ~= 'number' then return false end
  local ends = pause['until']
  if pause.kind == 'circuit' then return type(pause['for']) == 'number' end
  return pause.kind == 'manual' and not (type(ends) == 'number' and ends <= now)
end

local left = is_paused('') and 2 or 1

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
if precedes(read, upto) and #redis.call('XRANGE', stream, '(' .. read, upto, 'COUNT', 1) > 0 then return left end
if #redis.call('XPENDING', stream, group, '-', upto, 1) > 0 then return left end

local start = '-'
repeat
  local rows = redis.call('XRANGE', retry, start, '+', 'COUNT', 500)
  for _, row in ipairs(rows) do
    if row[2][1] ~= 'name' or is_left(row[2][2]) then return left end
    start = '(' .. row[1]
  end
until #rows == 0

local cursor = '0'
repeat
  local page = redis.call('HSCAN', delayed, cursor, 'COUNT', 500)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    if is_left(page[2][i]) then return left end
  end
until cursor == '0'

-- The names of a route are together, the oldest message first: queue, position (41 bytes), name of the retry.
local found, first = 0, '-'
for _ = 1, 1000 do -- as many routes have their parked messages moved
  local name = redis.pcall('ZRANGE', parked, first, '+', 'BYLEX', 'LIMIT', 0, 1)[1]
  if not name then break end
  local queue = string.match(name, '^([^|]*)|')
  if queue and is_left(string.sub(name, #queue + 44)) then
    local route = string.gsub(string.gsub(queue, '%%7C', '|'), '%%25', '%%')
    if left == 1 and not is_paused(route) then return 1 end
    found = 2
  end
  first = '(' .. (queue and queue .. '}' or name) -- a name without a queue is not of a worker
end
return found
