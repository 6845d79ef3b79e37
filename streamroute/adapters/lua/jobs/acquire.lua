-- Gives a job to the process that asks, unless another one runs it.
-- KEYS: jobs (hash). ARGV: the job's id, the process, how long it keeps the job without a step (ms).
-- The field "ID:runner" holds the process, until when it keeps the job (Redis time in ms), and the number of
-- its next step. The number goes on from one process to the next, so that no step of an earlier one applies.
-- A request to stop, "ID:stop", is over.
-- Returns {"missing"}, {"held", now, the other process, until when}, or {"taken", now, number, the job}.
local jobs, id, process, keep = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local job = redis.call('HGET', jobs, id)
if not job then return {'missing'} end
local owner, ends, step = string.match(redis.call('HGET', jobs, id .. ':runner') or '', '^(%S+) (%d+) (%d+)$')
-- An end that is far ahead is not of a worker, or the clock was set back.
if owner and owner ~= process and now < tonumber(ends) and tonumber(ends) < now + 10 * keep then
  return {'held', now, owner, tonumber(ends)}
end
step = tonumber(step or '0') + 1
redis.call('HDEL', jobs, id .. ':stop')
redis.call('HSET', jobs, id .. ':runner', table.concat({process, now + keep, step}, ' '))
return {'taken', now, step, job}
