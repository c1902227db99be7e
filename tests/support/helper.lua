-- For busted's --helper: what specs require from tests/ is found without a search path of theirs.
package.path = require("salvor.fs").absolute("tests") .. "/?.lua;" .. package.path

-- Whoever ends a spec that hangs sees how far it was.
io.stdout:setvbuf("line")

-- A server of one spec must not be known to another: whoever wants a cache names its folder.
require("salvor.folders").cache = function() return nil end
