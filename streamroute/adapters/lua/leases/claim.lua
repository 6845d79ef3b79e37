-- Claims entries whose lease has ended, at most ARGV[4], and none after the one that exceeds ARGV[7] bytes.
-- KEYS: the group's workers (hash), then the streams, in the order of claiming.
-- ARGV: group, consumer, min idle (ms), count, the consumer that holds released entries, how many pending
-- entries one sweep of a stream examines, how many bytes to return, the maximum delivery count of an entry
-- (0: unlimited), how many entries may be claimed at each delivery count ("2:32 3:8 *:0"; * is the quota of
-- all other counts, which are unlimited without it), then the cursor of each stream.
-- First come released entries and those of dead consumers (found by the idle time of the consumers; the cost
-- depends on their entries only), then a sweep of the pending list from the cursor, which finds entries whose
-- lease a live consumer does not renew. Entries beyond a quota stay unchanged, including their delivery
-- count.
-- Returns {now (ms), {{the stream's number, id, delivery count, fields}...}, {{number, id}... of entries
-- deleted while pending}, number of entries beyond a quota, how many of these at the maximum delivery count,
-- {cursors...}, {the consumer that held each claimed entry...}}.
local workers, group, me = KEYS[1], ARGV[1], ARGV[2]
local min_idle, count, released = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local sweep, budget, last = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local quotas = {}
for delivery, quota in string.gmatch(ARGV[9], '(%S+):(%d+)') do quotas[delivery] = tonumber(quota) end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- include is_alive

-- A live worker with a longer lease renews its entries less often.
local known = redis.call('HGETALL', workers)
for i = 1, #known, 2 do
  local alive, lease = string.match(known[i + 1], '^(%d+) (%d+) ')
  if is_alive(alive, lease) then
    min_idle = math.max(min_idle, tonumber(lease))
  else
    redis.call('HDEL', workers, known[i]) -- it is gone; one that comes back is noted again
  end
end

local found, held_back, last_deliveries = {}, 0, 0

local function is_allowed(delivery)
  local name = quotas[tostring(delivery)] and tostring(delivery) or '*'
  local quota = quotas[name]
  if not quota then return true end
  if quota > 0 then
    quotas[name] = quota - 1
    return true
  end
  held_back = held_back + 1
  if delivery == last then last_deliveries = last_deliveries + 1 end
  return false
end

-- After its last delivery an entry is only dead-lettered: further attempts at that do not increase its count.
local function next_delivery(row)
  if last > 0 then return math.min(row[4], last) + 1 end
  return row[4] + 1
end

local function take(number, rows, seen)
  for _, row in ipairs(rows) do
    if #found < count and not seen[row[1]] and (row[3] >= min_idle or row[2] == released) then
      seen[row[1]] = true
      local delivery = next_delivery(row)
      if is_allowed(delivery) then found[#found + 1] = {number, row[1], delivery, row[2]} end
    end
  end
end

local cursors = {}
for number = 1, #KEYS - 1 do
  local key, cursor, seen = KEYS[number + 1], ARGV[9 + number], {}
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
    local facts = {}
    for i = 1, #consumer, 2 do facts[consumer[i]] = consumer[i + 1] end
    local gone = facts.idle >= min_idle or facts.name == released
    if gone and facts.pending > 0 and #found < count then
      local idle = facts.name == released and 0 or min_idle
      take(number, redis.call('XPENDING', key, group, 'IDLE', idle, '-', '+', sweep, facts.name), seen)
    end
  end
  if #found < count then
    local start = cursor == '-' and '-' or '(' .. cursor
    local rows = redis.call('XPENDING', key, group, start, '+', sweep)
    take(number, rows, seen)
    cursor = #rows < sweep and '-' or rows[#rows][1]
  end
  cursors[number] = cursor
end

local claimed, deleted, holders = {}, {}, {}
for _, one in ipairs(found) do
  local number, id, delivery = one[1], one[2], one[3]
  local key = KEYS[number + 1]
  if budget <= 0 then
    cursors[number] = '-' -- what was found and is left here must be found again
  else
    local entry = redis.call('XCLAIM', key, group, me, 0, id, 'RETRYCOUNT', delivery)[1]
    if entry then
      claimed[#claimed + 1] = {number, id, delivery, entry[2]}
      holders[#holders + 1] = one[4]
      for _, part in ipairs(entry[2]) do budget = budget - #part end
    else
      redis.call('XACK', key, group, id)
      deleted[#deleted + 1] = {number, id}
    end
  end
end
return {now, claimed, deleted, held_back, last_deliveries, cursors, holders}
