-- Trims the oldest entries that every group of a stream has finished with, in a bounded step.
-- KEYS: the stream. ARGV: the age (ms) from which an entry may be trimmed, how many entries to examine.
-- Whole nodes are trimmed (~), so that some finished entries stay. A stream without groups is left unchanged,
-- as it is unknown which entries are needed.
-- Returns {number of trimmed entries, the lowest id to keep, or false}.
local stream = KEYS[1]

-- include precedes

if redis.call('EXISTS', stream) == 0 then return {0, false} end
local needed
for _, facts in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local group = {}
  for i = 1, #facts, 2 do group[facts[i]] = facts[i + 1] end
  local low = group['last-delivered-id']
  if group.pending > 0 then
    local oldest = redis.call('XPENDING', stream, group.name)[2]
    if precedes(oldest, low) then low = oldest end
  end
  if not needed or precedes(low, needed) then needed = low end
end
if not needed then return {0, false} end

local time = redis.call('TIME')
local since = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
local young = string.format('%.0f-0', math.max(since, 0))
if precedes(young, needed) then needed = young end
return {redis.call('XTRIM', stream, 'MINID', '~', needed, 'LIMIT', ARGV[2]), needed}
