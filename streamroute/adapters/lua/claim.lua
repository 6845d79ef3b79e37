-- Takes over entries whose lease has ended, at most ARGV[4] of them, and none after one that fills ARGV[8].
-- KEYS: the stream, the group's meta (hash). ARGV: group, consumer, min idle (ms), count, cursor, the consumer
-- that holds what was released, how many pending entries one sweep looks at, how many bytes to bring.
-- First what was released and what dead consumers hold (found by the consumers' own idle time, at the cost
-- of what they hold), then a sweep of the pending list from the cursor, which finds what a consumer that is
-- alive has let go of.
-- Returns {now (ms), cursor, {{id, delivery count, fields}...}, {ids that were deleted while pending...}}.
local key, meta, group, me = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local min_idle, count, cursor = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local released, sweep, budget = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local found, seen = {}, {}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', meta, 'lease', 'lease_until')
if now < tonumber(known[2] or 0) then
  min_idle = math.max(min_idle, tonumber(known[1])) -- a worker with a longer lease is alive
end

local function take(rows)
  for _, row in ipairs(rows) do
    if #found < count and not seen[row[1]] and (row[3] >= min_idle or row[2] == released) then
      seen[row[1]] = true
      found[#found + 1] = row
    end
  end
end

for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
  local facts = {}
  for i = 1, #consumer, 2 do facts[consumer[i]] = consumer[i + 1] end
  local gone = facts.idle >= min_idle or facts.name == released
  if gone and facts.pending > 0 and #found < count then
    local idle = facts.name == released and 0 or min_idle
    take(redis.call('XPENDING', key, group, 'IDLE', idle, '-', '+', count - #found, facts.name))
  end
end
if #found < count then
  local start = cursor == '-' and '-' or '(' .. cursor
  local rows = redis.call('XPENDING', key, group, start, '+', sweep)
  take(rows)
  cursor = #rows < sweep and '-' or rows[#rows][1]
end

local claimed, deleted = {}, {}
for _, row in ipairs(found) do
  if budget <= 0 then
    cursor = '-' -- what was found and is left here must be found again
    break
  end
  local entry = redis.call('XCLAIM', key, group, me, 0, row[1])[1]
  if entry then
    claimed[#claimed + 1] = {row[1], row[4] + 1, entry[2]}
    for _, part in ipairs(entry[2]) do budget = budget - #part end
  else
    redis.call('XACK', key, group, row[1])
    deleted[#deleted + 1] = row[1]
  end
end
return {now, cursor, claimed, deleted}
