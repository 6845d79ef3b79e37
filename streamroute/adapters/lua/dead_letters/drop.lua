-- Deletes dead letters.
-- KEYS: dead (stream). ARGV: for each letter its id, its group's index of failures (hash; not in KEYS: a server
-- that denies it would refuse the script), its signature; both are empty for a letter that cannot be read.
-- Returns how many existed.
local dead, dropped = KEYS[1], 0
-- include failure_index
for i = 1, #ARGV, 3 do
  if redis.call('XDEL', dead, ARGV[i]) == 1 then
    dropped = dropped + 1
    if ARGV[i + 1] ~= '' then unindex_letter(ARGV[i + 1], ARGV[i + 2], ARGV[i]) end
  end
end
return dropped
