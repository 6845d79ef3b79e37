-- Publishes events in order, each at once or after a delay, and each id once.
-- KEYS: the stream, due (sorted set), delayed (hash), then one key for each id.
-- ARGV: ms for which ids are remembered; then for each event: the index of its id's key in KEYS (0: it has no
-- id), its delay in ms (-1: none) and the name under which it waits, the number of arguments that follow, and
-- its names and values in turn, or the packed fields of an event that waits.
-- Returns the id of each entry, or the name under which it waits. An id that is remembered is not published
-- again: what it was published as is returned.
-- An event is written before its id is remembered, and an entry before its due time: an interrupted script
-- may repeat an event, and loses none. What would be refused after a write is tried before the first one, so that
-- a user without the rights publishes nothing.
local stream, due, delayed = KEYS[1], KEYS[2], KEYS[3]
local published, remember, at = {}, tonumber(ARGV[1]), nil
local may_remember, may_delay = false, false

local function now()
  if not at then
    local time = redis.call('TIME')
    at = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return at
end

-- Calls visit(index of the id's key, delay, name, first argument, last argument) for each event.
local function each_event(visit)
  local position = 2
  while position <= #ARGV do
    local first = position + 4
    local last = first - 1 + tonumber(ARGV[position + 3])
    visit(tonumber(ARGV[position]), tonumber(ARGV[position + 1]), ARGV[position + 2], first, last)
    position = last + 1
  end
end

local function is_remembered(index)
  return index > 0 and redis.call('GET', KEYS[index])
end

each_event(function(index, delay, name)
  local tries_id, tries_delay = index > 0 and not may_remember, delay >= 0 and not may_delay
  if not (tries_id or tries_delay) or is_remembered(index) then return end
  if tries_id then
    redis.call('SET', KEYS[index], '', 'XX') -- changes nothing: the key does not exist
    may_remember = true
  end
  if tries_delay then
    redis.call('ZADD', due, 'XX', now(), name) -- changes nothing: the name is new
    may_delay = true
  end
end)

each_event(function(index, delay, name, first, last)
  local id = is_remembered(index)
  if not id then
    if delay < 0 then
      id = redis.call('XADD', stream, '*', unpack(ARGV, first, last))
    else
      redis.call('HSETNX', delayed, name, ARGV[first])
      redis.call('ZADD', due, 'NX', now() + delay, name)
      id = name
    end
    if index > 0 then redis.call('SET', KEYS[index], id, 'PX', remember + math.max(delay, 0)) end
  end
  published[#published + 1] = id
end)
return published
