-- Pauses a route, or the whole stream. KEYS: paused (hash), parked (sorted set). ARGV: the route (empty: the
-- stream), the pause (JSON, without the time), for how long (ms; 0: until it is resumed).
-- A second pause replaces the reason and who paused, and keeps the time since which it is paused.
-- Returns {the pause before, or an empty string; the new one}.
local paused, route = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('HGET', paused, route) or ''
local pause, since = cjson.decode(ARGV[2]), now
local is_read, known = pcall(cjson.decode, before)
if is_read and type(known) == 'table' and type(known.since) == 'number' and 0 <= known.since and known.since <= now then
  local ends = known['until']
  local is_over = known.kind ~= 'circuit' and type(ends) == 'number' and ends <= now
  if not is_over then since = known.since end
end
pause.since = since
if tonumber(ARGV[3]) > 0 then pause['until'] = now + tonumber(ARGV[3]) end
local text = cjson.encode(pause)
redis.call('HSET', paused, route, text)
return {before, text}
