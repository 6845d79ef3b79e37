-- The index of failures: a hash, signature -> JSON of a group of dead letters. A signature beyond the limit is
-- counted in the group "(other)". A damaged value is replaced. An index that cannot be read or written (its
-- key has another type, the user has no right) changes nothing else: the letters can be counted by reading.
local other_failures = '(other)'

local function failure_of(raw)
  if not raw or #raw > 65536 then return nil end
  local parsed, found = pcall(cjson.decode, raw)
  if not parsed or type(found) ~= 'table' or type(found.title) ~= 'string' then return nil end
  if type(found.count) ~= 'number' or type(found.first) ~= 'number' then return nil end
  if type(found.samples) ~= 'table' then found.samples = {} end
  return found
end

-- Counts one event in a series of buckets, of which the last one has the number series.at.
local function bump(series, bucket, size)
  if type(series) ~= 'table' or type(series.n) ~= 'table' or type(series.at) ~= 'number' then
    return {at = bucket, n = {1}}
  end
  if bucket - series.at >= size or #series.n == 0 then return {at = bucket, n = {1}} end
  for _ = series.at + 1, bucket do series.n[#series.n + 1] = 0 end
  while #series.n > size do table.remove(series.n, 1) end
  series.n[#series.n] = series.n[#series.n] + 1
  series.at = math.max(series.at, bucket)
  return series
end

local function error_text(error)
  return type(error) == 'table' and tostring(error.err) or tostring(error)
end

-- Counts a letter. Returns "returned" if its group was resolved, or "unindexed" and the reason, or nothing.
local function index_letter(failures, limit, signature, facts, id, at)
  local function update(raw, key)
    local found = failure_of(raw)
    local note
    if not found then
      found = cjson.decode(key == other_failures and '{"title":"failures beyond the limit of groups"}' or facts)
      found.count, found.total, found.first, found.samples = 0, 0, at, {}
    end
    found.count = found.count + 1
    found.total = (tonumber(found.total) or 0) + 1
    found.last = at
    found.samples[#found.samples + 1] = id
    while #found.samples > 3 do table.remove(found.samples, 1) end
    found.minutes = bump(found.minutes, math.floor(at / 60000), 60)
    found.hours = bump(found.hours, math.floor(at / 3600000), 24)
    if found.resolved and not found.returned then
      found.returned = at
      note = 'returned'
    end
    redis.call('HSET', failures, key, cjson.encode(found))
    return note
  end
  local read, raw = pcall(redis.call, 'HGET', failures, signature)
  if not read then return 'unindexed', error_text(raw) end
  local key = signature
  if not raw then
    if redis.call('HLEN', failures) >= limit then
      key = other_failures
      raw = redis.call('HGET', failures, key)
    end
  end
  local written, note = pcall(update, raw, key)
  if not written then written, note = pcall(update, nil, key) end
  if not written then return 'unindexed', error_text(note) end
  return note
end

-- Subtracts letters of one signature that were deleted or requeued; gone is a set of their ids.
local function unindex_letters(failures, signature, gone)
  local left = 0
  for _ in pairs(gone) do left = left + 1 end
  pcall(function()
    for _, key in ipairs({signature, other_failures}) do
      local found = left > 0 and failure_of(redis.call('HGET', failures, key))
      if found and found.count > 0 then
        local counted = math.min(left, found.count)
        found.count = found.count - counted
        left = left - counted
        local kept = {}
        for _, sample in ipairs(found.samples) do
          if not gone[sample] then kept[#kept + 1] = sample end
        end
        found.samples = kept
        redis.call('HSET', failures, key, cjson.encode(found))
      end
    end
  end)
end
