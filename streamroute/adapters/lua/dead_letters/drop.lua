-- Deletes dead letters.
-- KEYS: dead (stream). ARGV: for each letter its id, its group's index of failures (hash; not in KEYS: a server
-- that denies it would refuse the script), its signature; both are empty for a letter that cannot be read.
-- Returns how many existed.
local dead, dropped, gone = KEYS[1], 0, {}
-- include failure_index
for i = 1, #ARGV, 3 do
  if redis.call('XDEL', dead, ARGV[i]) == 1 then
    dropped = dropped + 1
    local failures, signature = ARGV[i + 1], ARGV[i + 2]
    gone[failures] = gone[failures] or {}
    gone[failures][signature] = gone[failures][signature] or {}
    gone[failures][signature][ARGV[i]] = true
  end
end
gone[''] = nil
for failures, signatures in pairs(gone) do
  for signature, ids in pairs(signatures) do unindex_letters(failures, signature, ids) end
end
return dropped
