-- Requeues one dead letter: writes its retry, then deletes it.
-- KEYS: dead (stream), retry (stream). ARGV: the dead letter's id, the retry's name, its entry, the group's
-- index of failures (hash; not in KEYS: a server that denies it would refuse the script), the signature.
-- Returns 1, or 0 if the dead letter does not exist any more.
local dead, retry, id = KEYS[1], KEYS[2], ARGV[1]
-- include failure_index
if #redis.call('XRANGE', dead, id, id) == 0 then return 0 end
redis.call('XADD', retry, '*', 'name', ARGV[2], 'entry', ARGV[3])
redis.call('XDEL', dead, id)
unindex_letters(ARGV[4], ARGV[5], {[id] = true})
return 1
