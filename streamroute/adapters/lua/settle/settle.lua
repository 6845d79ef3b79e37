-- Settles one entry whose routes failed or hold dedupe locks: writes the outcomes, then acknowledges.
-- KEYS: the stream in which the entry is pending, due (sorted set), delayed (hash), dead (stream), then a
-- dedupe key (string) for each lock; then, if a retry is parked, parked (sorted set) and parked entries (hash).
-- ARGV: group, consumer, id, delivery count, "drop" or "keep", number of retries, number of dead letters, the
-- message's id, the group's index of failures (hash; not in KEYS: a server that denies it would refuse the
-- script), the most groups of that index; then for each retry its name, its delay (ms;
-- "parked": it waits for the end of a pause, under this name), its entry; then for
-- each dead letter the number of its names and values, these, its signature and the facts of its group (JSON);
-- then for each lock its route and its new state: "done" and its ttl (ms), "delayed" and the retry's name, or
-- "free" and an empty argument.
-- Returns 0 if the consumer does not hold the entry any more and nothing was written; else 1, or a list of
-- signatures, each with "returned" (its group was resolved) or with the reason why it is not in the index.
local key, due, delayed, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, consumer, id, message = ARGV[1], ARGV[2], ARGV[3], ARGV[8]
-- include failure_index
local held = redis.call('XPENDING', key, group, id, id, 1)[1]
if not held or held[2] ~= consumer or held[4] ~= tonumber(ARGV[4]) then return 0 end

local parks, waits = false, false
for i = 12, 9 + 3 * tonumber(ARGV[6]), 3 do
  if ARGV[i] == 'parked' then parks = true else waits = true end
end
local last_lock = parks and #KEYS - 2 or #KEYS
local parked, parked_entries = KEYS[last_lock + 1], KEYS[last_lock + 2]

-- A script that fails halfway is not rolled back, so key types are checked first. (The error reply is
-- returned, not raised: Redis 6.2 does not pass on an error that is a table.)
local expected = {}
if waits then
  expected[due], expected[delayed] = 'zset', 'hash'
end
if parks then
  expected[parked], expected[parked_entries] = 'zset', 'hash'
end
if tonumber(ARGV[7]) > 0 then expected[dead] = 'stream' end
for i = 5, last_lock do expected[KEYS[i]] = 'string' end
for name, kind in pairs(expected) do
  local found = redis.call('TYPE', name).ok
  if found ~= 'none' and found ~= kind then
    local said = ' is a ' .. found .. ', and streamroute needs a ' .. kind .. ' there; rename or delete it'
    return redis.error_reply('WRONGTYPE the key ' .. name .. said)
  end
end

local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local notes = {}
local next_arg = 11
for _ = 1, tonumber(ARGV[6]) do
  local name, delay, entry = ARGV[next_arg], tonumber(ARGV[next_arg + 1]), ARGV[next_arg + 2]
  if delay then
    redis.call('ZADD', due, 'NX', at + delay, name)
    redis.call('HSETNX', delayed, name, entry)
  else
    redis.call('HSETNX', parked_entries, name, entry)
    redis.call('ZADD', parked, 'NX', 0, name)
  end
  next_arg = next_arg + 3
end
for _ = 1, tonumber(ARGV[7]) do
  local count = tonumber(ARGV[next_arg])
  local letter = redis.call('XADD', dead, '*', unpack(ARGV, next_arg + 1, next_arg + count))
  next_arg = next_arg + count + 1
  local signature = ARGV[next_arg]
  local note, reason = index_letter(ARGV[9], tonumber(ARGV[10]), signature, ARGV[next_arg + 1], letter, at)
  if note then
    notes[#notes + 1] = signature
    notes[#notes + 1] = reason or note
  end
  next_arg = next_arg + 2
end
for i = 5, last_lock do
  local route, state, detail = ARGV[next_arg], ARGV[next_arg + 1], ARGV[next_arg + 2]
  local lock = redis.call('GET', KEYS[i])
  local since, owner = string.match(lock or '', '^%S+ (%d+) (%S+) ')
  if not owner or owner == message then
    since = since or at
    if state == 'done' then
      redis.call('SET', KEYS[i], table.concat({'done', since, message, route, 'entry', id}, ' '), 'PX', detail)
    elseif state == 'delayed' then
      redis.call('SET', KEYS[i], table.concat({'running', since, message, route, state, detail}, ' '))
    else
      redis.call('DEL', KEYS[i])
    end
  end
  next_arg = next_arg + 3
end
redis.call('XACK', key, group, id)
if ARGV[5] == 'drop' then redis.call('XDEL', key, id) end
return #notes > 0 and notes or 1
