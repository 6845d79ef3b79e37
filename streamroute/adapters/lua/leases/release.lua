-- Releases entries that a consumer still holds, so that any worker may claim them at once.
-- KEYS: the stream. ARGV: group, consumer, the consumer that holds released entries, then for each entry its
-- id, its delivery count, and its new delivery count.
local key, group, me = KEYS[1], ARGV[1], ARGV[2]
for i = 4, #ARGV, 3 do
  local held = redis.call('XPENDING', key, group, ARGV[i], ARGV[i], 1)[1]
  if held and held[2] == me and held[4] == tonumber(ARGV[i + 1]) then
    redis.call('XCLAIM', key, group, ARGV[3], 0, ARGV[i], 'RETRYCOUNT', ARGV[i + 2], 'JUSTID')
  end
end
