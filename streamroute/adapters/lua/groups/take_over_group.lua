-- Moves a group's unfinished entries of a stream to the group that replaces it, in bounded steps.
-- KEYS: the stream; of the old group its workers (hash), retry (stream), due (sorted set), delayed (hash),
-- dead (stream), meta (hash), routes (hash) and generations (hash); of the new one retry, due, delayed, dead
-- and meta.
-- ARGV: the old group, the new one, the consumer that holds released entries, how many entries and how many
-- bytes one step moves, the indexes of failures of the old group and of the new one (hashes; not in KEYS: a
-- server that denies them would refuse the script).
-- Each item is added before it is removed, so that an interrupted script leaves it in one place or in both.
-- Returns {state, count}: "waits" and the number of live workers of the old group; "exists" and 0 if the new
-- group existed before and did not start at the old one's position; "more" or "done" and the number of moved
-- items.
local stream, workers, retry, due, delayed, dead, meta, routes, generations = unpack(KEYS, 1, 9)
local new_retry, new_due, new_delayed, new_dead, new_meta = unpack(KEYS, 10, 14)
local old, new, released = ARGV[1], ARGV[2], ARGV[3]
local left, budget = tonumber(ARGV[4]), tonumber(ARGV[5])
local moved = 0

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- include is_alive
-- include failure_index

local alive = 0
local known_workers = redis.call('HGETALL', workers)
for i = 2, #known_workers, 2 do
  local until_, lease = string.match(known_workers[i], '^(%d+) (%d+) ')
  if is_alive(until_, lease) then alive = alive + 1 end
end
if alive > 0 then return {'waits', alive} end
redis.call('HDEL', new_meta, 'moved_to') -- it may have been the other way round before

local groups = {}
if redis.call('EXISTS', stream) == 1 then
  for _, known in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local facts = {}
    for i = 1, #known, 2 do facts[known[i]] = known[i + 1] end
    groups[facts.name] = facts
  end
end
if groups[old] then
  if not groups[new] then
    redis.call('HSET', new_meta, 'took_over', old)
    redis.call('XGROUP', 'CREATE', stream, new, groups[old]['last-delivered-id'])
  elseif redis.call('HGET', new_meta, 'took_over') ~= old then
    return {'exists', 0}
  end
end

local function spend(parts)
  left = left - 1
  moved = moved + 1
  for _, part in ipairs(parts) do budget = budget - #part end
end

local function has_room()
  return left > 0 and budget > 0
end

-- Pending entries become pending in the new group, as released ones: the next claim of any worker takes them.
if groups[old] then
  for _, row in ipairs(redis.call('XPENDING', stream, old, '-', '+', left)) do
    redis.call('XCLAIM', stream, new, released, 0, row[1], 'RETRYCOUNT', row[4], 'FORCE', 'JUSTID')
    redis.call('XACK', stream, old, row[1])
    spend({})
  end
end

local function move_stream(from, to)
  local rows = has_room() and redis.call('XRANGE', from, '-', '+', 'COUNT', left) or {}
  for _, row in ipairs(rows) do
    if not has_room() then break end
    redis.call('XADD', to, '*', unpack(row[2]))
    redis.call('XDEL', from, row[1])
    spend(row[2])
  end
end

local function move_retry(name, at)
  local entry = redis.call('HGET', delayed, name)
  if entry then
    redis.call('HSETNX', new_delayed, name, entry)
    redis.call('ZADD', new_due, 'NX', at, name)
    redis.call('HDEL', delayed, name)
    spend({entry})
  end
  redis.call('ZREM', due, name)
end

move_stream(retry, new_retry)
local waiting = has_room() and redis.call('ZRANGE', due, 0, left - 1, 'WITHSCORES') or {}
for i = 1, #waiting, 2 do
  if has_room() then move_retry(waiting[i], waiting[i + 1]) end
end
if has_room() and redis.call('EXISTS', due) == 0 then
  local page = redis.call('HSCAN', delayed, '0', 'COUNT', left)[2]
  for i = 1, #page, 2 do
    if has_room() then move_retry(page[i], now) end
  end
end
if dead ~= new_dead then move_stream(dead, new_dead) end

local function is_empty(name, size)
  return redis.call('EXISTS', name) == 0 or redis.call(size, name) == 0
end

if groups[old] and #redis.call('XPENDING', stream, old, '-', '+', 1) > 0 then return {'more', moved} end
if not (is_empty(retry, 'XLEN') and is_empty(delayed, 'HLEN')) then return {'more', moved} end
if dead ~= new_dead and not is_empty(dead, 'XLEN') then return {'more', moved} end
redis.call('DEL', workers, retry, due, delayed, meta, routes, generations)
if groups[old] then
  redis.call('HSET', meta, 'moved_to', new) -- a worker of the old group that comes back learns of it
  redis.call('XGROUP', 'DESTROY', stream, old)
end
if dead ~= new_dead then redis.call('DEL', dead) end

-- What was resolved stays so. Moved letters have new ids, so that the samples are gone.
pcall(function()
  local known = redis.call('HGETALL', ARGV[6])
  for i = 1, #known, 2 do
    local found = failure_of(known[i + 1])
    if found then
      if dead ~= new_dead then found.samples = {} end
      redis.call('HSETNX', ARGV[7], known[i], cjson.encode(found))
    end
  end
  redis.call('DEL', ARGV[6])
end)
return {'done', moved}
