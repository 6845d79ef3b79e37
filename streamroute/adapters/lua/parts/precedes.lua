-- Ids are two numbers of 64 bits, which Lua's numbers cannot hold, so they are compared as digits.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function precedes(a, b)
  local a_ms, a_seq = string.match(a, '^(%d*)%-?(%d*)')
  local b_ms, b_seq = string.match(b, '^(%d*)%-?(%d*)')
  if a_ms ~= b_ms then return less(a_ms, b_ms) end
  return less(a_seq, b_seq)
end
