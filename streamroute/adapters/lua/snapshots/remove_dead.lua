-- Removes the snapshots of workers that do not count as alive, except one worker's own.
-- KEYS: the group's workers (hash), their snapshots (hash). ARGV: the consumer whose snapshot stays.
-- Returns the number of removed snapshots.
local workers, stats = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- include is_alive

-- A user without the right to HKEYS has that to HGETALL, which also reads the snapshots.
local consumers = redis.pcall('HKEYS', stats)
if consumers.err then
  local all = redis.call('HGETALL', stats)
  consumers = {}
  for i = 1, #all, 2 do consumers[#consumers + 1] = all[i] end
end

local removed = 0
for _, consumer in ipairs(consumers) do
  local alive, lease = string.match(redis.call('HGET', workers, consumer) or '', '^(%d+) (%d+) ')
  if consumer ~= ARGV[1] and not is_alive(alive, lease) then
    removed = removed + redis.call('HDEL', stats, consumer)
  end
end
return removed
