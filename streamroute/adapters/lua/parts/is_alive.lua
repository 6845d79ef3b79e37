-- Needs: now, Redis time in ms.
-- Whether a worker's record has not expired and is plausible: it expires two leases after it was written (a
-- clock set back adds up to two leases and a minute), and no lease is longer than 30 days.
local function is_alive(alive, lease)
  alive, lease = tonumber(alive), tonumber(lease)
  if not alive or not lease or lease > 30 * 86400 * 1000 then return false end
  return now < alive and alive <= now + 4 * lease + 60000
end
