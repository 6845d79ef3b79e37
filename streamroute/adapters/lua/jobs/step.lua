-- Applies one step of a job: adds its messages to the retry stream, and records how far the job is.
-- KEYS: jobs (hash), retry (stream). ARGV: the job's id, the process, the number of the step, how long the
-- process keeps the job from now on (ms; 0: it gives it up), how many entries may wait in the retry stream
-- afterwards (0: any number), the job; then the name and the entry of each message.
-- The messages are added first, and both are one step: it applies as a whole and once, also if it is sent
-- again because its reply was lost.
-- Returns {state, now, length of the retry stream, fact}: "done"; "again" and the job, if the step applied
-- before; "full", if too many would wait: nothing was added; "stop" and who asked for it: nothing was added;
-- "lost", if the process does not have the job any more.
local jobs, retry, id, process, number = KEYS[1], KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[3])
local keep, room, messages = tonumber(ARGV[4]), tonumber(ARGV[5]), (#ARGV - 6) / 2
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local owner, _, step = string.match(redis.call('HGET', jobs, id .. ':runner') or '', '^(%S+) (%d+) (%d+)$')
step = tonumber(step or '0')
if owner ~= process or (step ~= number and step ~= number + 1) then return {'lost', now, 0, ''} end
-- A script that fails halfway is not rolled back: a key of another type fails here.
local waiting = redis.call('EXISTS', retry) == 1 and redis.call('XLEN', retry) or 0

local function keep_job(next_step)
  redis.call('HSET', jobs, id .. ':runner', table.concat({process, now + keep, next_step}, ' '))
end

if step == number + 1 then return {'again', now, waiting, redis.call('HGET', jobs, id) or ''} end
if keep > 0 then
  local who = redis.call('HGET', jobs, id .. ':stop')
  if who then return {'stop', now, waiting, who} end
end
if messages > 0 and room > 0 and waiting + messages > room then
  keep_job(number)
  return {'full', now, waiting, ''}
end
for i = 7, #ARGV, 2 do
  redis.call('XADD', retry, '*', 'name', ARGV[i], 'entry', ARGV[i + 1])
end
redis.call('HSET', jobs, id, ARGV[6])
if keep > 0 then keep_job(number + 1) else redis.call('HDEL', jobs, id .. ':runner', id .. ':stop') end
return {'done', now, waiting + messages, ''}
