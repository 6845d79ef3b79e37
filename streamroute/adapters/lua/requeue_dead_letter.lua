-- Gives one dead letter another chance: its retry is written, and only then is it deleted.
-- KEYS: dead (stream), retry (stream). ARGV: the dead letter's id, the retry's name, its entry.
-- Returns 1, or 0 where the dead letter is gone: somebody else was faster.
local dead, retry, id = KEYS[1], KEYS[2], ARGV[1]
if #redis.call('XRANGE', dead, id, id) == 0 then return 0 end
redis.call('XADD', retry, '*', 'name', ARGV[2], 'entry', ARGV[3])
redis.call('XDEL', dead, id)
return 1
