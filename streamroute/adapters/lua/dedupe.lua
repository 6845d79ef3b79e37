-- Says whether a route may run for a message whose dedupe key has this value, and notes that it does.
-- KEYS: the dedupe key (string), the stream, retry (stream), delayed (hash).
-- ARGV: group, the message's id, route, "entry" or "retry" (where the message is pending), the id there.
-- The string: state, since (ms), message, route, where the message is, its id there; blanks between them.
-- Returns {0, 0} run, {1, 0} skip, {2, ms since the other began} wait.
local key, stream, retry, delayed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, message, route, where, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function is_pending(name, entry)
  local rows = redis.pcall('XPENDING', name, group, entry, entry, 1)
  return not rows.err and #rows > 0
end

-- A retry is delayed, then in the retry stream, where it is looked for among a bounded number: while
-- that is not known, its message is taken to be alive.
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
local held = redis.call('GET', key)
if held then
  local state, began, owner, _, place, entry = string.match(held, '^(%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  if state and owner ~= message then
    if state == 'done' then return {1, 0} end
    if lives(place, entry) then return {2, math.max(0, now - tonumber(began))} end
  elseif state == 'running' then
    since = began
  end
end
redis.call('SET', key, table.concat({'running', since, message, route, where, id}, ' '))
return {0, 0}
