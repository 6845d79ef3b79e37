-- Decides whether a route may run for a message with this dedupe key, and if so locks the key.
-- KEYS: the stream, retry (stream), delayed (hash), the dedupe key (string) and those of the route's former
-- names, then the same keys of the group's former names.
-- ARGV: group, consumer, the message's id, route, "entry" or "retry" (where the message is pending), its id
-- there, its delivery count, how many of the keys are the group's own: only these are written.
-- The string holds, separated by spaces: state, start (ms), message, route, where the message is, its id
-- there. A string that cannot be parsed counts as missing.
-- Returns {0, 0} run, {1, 0} skip, {2, ms since the other message started} wait, {3, 0} this consumer does
-- not hold the entry any more.
local stream, retry, delayed = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, message, route = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local where, id, deliveries, own = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A worker that was suspended for longer than its lease may resume with an entry that another has processed.
local held = redis.call('XPENDING', where == 'entry' and stream or retry, group, id, id, 1)[1]
if not held or held[2] ~= consumer or held[4] ~= deliveries then return {3, 0} end

local function is_pending(name, entry)
  local rows = redis.pcall('XPENDING', name, group, entry, entry, 1)
  return not rows.err and #rows > 0
end

-- A retry is delayed, then in the retry stream, of which only the first 1000 entries are searched: if there
-- are more, the message counts as alive.
local function is_scheduled(name)
  if redis.call('HEXISTS', delayed, name) == 1 then return true end
  local rows = redis.call('XRANGE', retry, '-', '+', 'COUNT', 1000)
  for _, row in ipairs(rows) do
    if row[2][2] == name then return true end
  end
  return #rows == 1000
end

local function lives(place, entry)
  if place == 'entry' then return is_pending(stream, entry) end
  if place == 'retry' then return is_pending(retry, entry) end
  return is_scheduled(entry)
end

local since = now
for i = 4, #KEYS do
  local state, began, owner, _, place, entry =
    string.match(redis.call('GET', KEYS[i]) or '', '^(%S+) (%d+) (%S+) (%S+) (%S+) (.*)$')
  if state == 'done' then return {1, 0} end -- by any message, or by this one before its lease was lost
  if state == 'running' then
    if owner ~= message and lives(place, entry) then return {2, math.max(0, now - tonumber(began))} end
    if owner == message then since = began end
  end
end
for i = 4, 3 + own do
  redis.call('SET', KEYS[i], table.concat({'running', since, message, route, where, id}, ' '))
end
return {0, 0}
