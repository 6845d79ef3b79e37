-- Exchanges what is paused with one worker, and moves parked messages whose pause has ended to the retry stream.
-- KEYS: paused (hash), parked (sorted set), parked entries (hash), circuits (hash), retry (stream).
-- ARGV: 1 if the stream keeps its order, how many messages to move, how many entries the retry stream may
-- then have, after how many bytes to stop; the number of circuits that counted failures, and for each its
-- route, how many failures open it, within what time (ms), for how long (ms), and the new failures; the
-- number of probes that ended, and for each its route and "closed", "open" or "again"; then the routes that
-- the worker still parks, whose messages it does not move: it would park them again.
-- The circuits' hash maps "failures|ROUTE" to the failures counted, as "second:count ...", and in a stream that
-- keeps its order "returned|ROUTE" to the last entry of the retry stream that was parked.
-- Returns {now (ms), {route, pause (JSON; empty if damaged)...}, {route, how many are parked, at most 201...}, {event,
-- route...}, {names of parked messages whose entry was deleted}, number of parked entries without a name}. A
-- route whose parked messages are in the retry stream, and are not settled, is among the parked ones, with 0, if
-- the stream keeps its order.
local paused, parked, entries, circuits, retry = unpack(KEYS)
local is_ordered, batch, limit, budget = ARGV[1] == '1', tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- Bytes of a pause; pauses, and routes with parked messages; parked messages of a route that are counted (an exact
-- count takes a command that users may lack the right for).
local LONGEST, MOST, ENOUGH = 4096, 1000, 201
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local events, deleted = {}, {}
local next_arg = 5

for i, kind in ipairs({'hash', 'zset', 'hash', 'hash', 'stream'}) do
  local found = redis.call('TYPE', KEYS[i]).ok
  if found ~= 'none' and found ~= kind then
    local said = ' is a ' .. found .. ', and streamroute needs a ' .. kind .. ' there; rename or delete it'
    return redis.error_reply('WRONGTYPE the key ' .. KEYS[i] .. said)
  end
end

local function take()
  next_arg = next_arg + 1
  return ARGV[next_arg - 1]
end

local function note(event, route)
  events[#events + 1] = event
  events[#events + 1] = route
end

-- A time or a duration in ms: nil if no calendar has it.
local function time_in(value)
  if type(value) == 'number' and value >= 0 and value < 2^47 then return value end
end

-- The pause of a route: nil if there is none, or if it is damaged.
local function pause_of(text)
  if not text or #text > LONGEST then return nil end
  local is_read, found = pcall(cjson.decode, text)
  if not is_read or type(found) ~= 'table' then return nil end
  local kind = found.kind
  -- Only known facts are kept: cjson writes neither infinite numbers nor all tables that it reads.
  local pause = {kind = kind, since = time_in(found.since), ['until'] = time_in(found['until'])}
  pause['for'], pause.probe = time_in(found['for']), time_in(found.probe)
  if type(found.reason) == 'string' then pause.reason = found.reason end
  if type(found.who) == 'string' then pause.who = found.who end
  if kind ~= 'manual' and kind ~= 'circuit' or not pause.since then return nil end
  if kind == 'circuit' and not pause['for'] then return nil end
  return pause
end

local function set_pause(route, pause)
  redis.call('HSET', paused, route, cjson.encode(pause))
end

local function first_parked(queue, count)
  return redis.call('ZRANGE', parked, '[' .. queue .. '|', '(' .. queue .. '}', 'BYLEX', 'LIMIT', 0, count)
end

local function queue_of(route)
  return (string.gsub(string.gsub(route, '%%', '%%25'), '|', '%%7C'))
end

local function route_of(queue)
  return (string.gsub(string.gsub(queue, '%%7C', '|'), '%%25', '%%'))
end

-- The name of the retry follows the queue and a position of 41 bytes. Adds first, removes last.
local function move(queue, name, ...)
  local entry = redis.call('HGET', entries, name)
  local id
  if entry then
    id = redis.call('XADD', retry, '*', 'name', string.sub(name, #queue + 44), 'entry', entry, ...)
    budget = budget - #entry
  else
    deleted[#deleted + 1] = name
  end
  redis.call('ZREM', parked, name)
  redis.call('HDEL', entries, name)
  return id
end

-- 1. The failures that this worker counted: they may open circuits.
for _ = 1, tonumber(take()) do
  local route, most, within, pause_for, new = take(), tonumber(take()), tonumber(take()), tonumber(take()), tonumber(take())
  local field, width = 'failures|' .. route, math.max(1000, math.floor(within / 30))
  local bucket, sum, kept = math.floor(now / width), new, {}
  for at, count in string.gmatch(redis.call('HGET', circuits, field) or '', '(%d+):(%d+)') do
    at, count = tonumber(at), tonumber(count)
    if at <= bucket and at > bucket - math.ceil(within / width) then
      sum = sum + count
      if at == bucket then new = new + count else kept[#kept + 1] = string.format('%.0f:%.0f', at, count) end
    end
  end
  kept[#kept + 1] = string.format('%.0f:%.0f', bucket, new)
  local known = pause_of(redis.call('HGET', paused, route) or nil)
  if sum < most then
    redis.call('HSET', circuits, field, table.concat(kept, ' '))
  else
    redis.call('HDEL', circuits, field)
    if not known then
      local reason = string.format('%.0f failures within %.0f s', sum, within / 1000)
      set_pause(route, {
        kind = 'circuit', who = 'circuit', reason = reason, since = now, ['until'] = now + pause_for, ['for'] = pause_for,
      })
      note('opened', route)
    end
  end
end

-- 2. The probes that ended: they close circuits, or open them again.
for _ = 1, tonumber(take()) do
  local route, result = take(), take()
  local pause = pause_of(redis.call('HGET', paused, route) or nil)
  if pause and pause.kind == 'circuit' and pause.probe then
    pause.probe = nil
    if result == 'closed' then
      redis.call('HDEL', paused, route)
      note('closed', route)
    elseif result == 'open' then
      pause['until'] = now + pause['for']
      set_pause(route, pause)
      note('reopened', route)
    else
      set_pause(route, pause)
    end
  end
end

local parks = {}
for i = next_arg, #ARGV do parks[ARGV[i]] = true end

-- 3. What is paused. A circuit whose time is over lets one message through, which shows if the route works.
local pauses, is_paused = {}, {}
local known = {}
if redis.call('HLEN', paused) > MOST then
  known = redis.call('HSCAN', paused, '0', 'COUNT', MOST)[2]
else
  known = redis.call('HGETALL', paused)
end
for i = 1, #known, 2 do
  local route, text = known[i], known[i + 1]
  local pause = pause_of(text)
  if pause and pause['until'] and pause['until'] <= now then
    if pause.kind == 'manual' then
      redis.call('HDEL', paused, route)
      note('ended', route)
      text = nil
    elseif route ~= '' and not (pause.probe and now < pause.probe + math.max(pause['for'], 60000)) then
      -- A probe whose worker died runs on another one; after a minute it counts as lost.
      local name = first_parked(queue_of(route), 1)[1]
      if name and move(queue_of(route), name, 'probe', '1') then
        pause.probe = now
        text = cjson.encode(pause)
        set_pause(route, pause)
        note('probed', route)
      end
    end
  end
  if text then
    if pause then is_paused[route] = true end
    pauses[#pauses + 1] = route
    pauses[#pauses + 1] = pause and text or ''
  end
end

-- 4. Parked messages whose pause has ended return in order, while the retry stream has room.
local function entries_in_retry()
  local facts = redis.pcall('XINFO', 'STREAM', retry)
  if facts.err then return 0 end
  for i = 1, #facts, 2 do
    if facts[i] == 'length' then return facts[i + 1] end
  end
  return 0
end

local queues = {}
local function return_parked(queue, route)
  local last
  for _, name in ipairs(first_parked(queue, math.max(0, math.min(batch, limit)))) do
    if budget <= 0 then break end
    last = move(queue, name) or last
    batch, limit = batch - 1, limit - 1
  end
  if last and is_ordered then redis.call('HSET', circuits, 'returned|' .. route, last) end
end

if redis.call('EXISTS', parked) == 1 then
  limit = limit - entries_in_retry()
  local start = '-'
  for _ = 1, MOST do
    local name = redis.call('ZRANGE', parked, start, '+', 'BYLEX', 'LIMIT', 0, 1)[1]
    if not name then break end
    local queue = string.match(name, '^([^|]*)|')
    if queue then
      local route = route_of(queue)
      if not (is_paused[route] or parks[route]) and batch > 0 and limit > 0 then return_parked(queue, route) end
      queues[route] = #first_parked(queue, ENOUGH)
    end
    start = '(' .. (queue and queue .. '}' or name) -- a name without a queue is not of a worker
  end
end
if is_ordered and redis.call('HLEN', circuits) <= 2 * MOST then
  local returned = redis.call('HGETALL', circuits)
  for i = 1, #returned, 2 do
    local route = string.match(returned[i], '^returned|(.*)$')
    if route then
      local left = redis.pcall('XRANGE', retry, '-', returned[i + 1], 'COUNT', 1)
      if left.err or #left == 0 then
        redis.call('HDEL', circuits, returned[i])
      else
        queues[route] = queues[route] or 0
      end
    end
  end
end

local counts = {}
for route, count in pairs(queues) do
  if count > 0 or is_ordered then
    counts[#counts + 1] = route
    counts[#counts + 1] = count
  end
end
local nameless = math.max(0, redis.call('HLEN', entries) - redis.call('ZCARD', parked))
return {now, pauses, counts, events, deleted, nameless}
