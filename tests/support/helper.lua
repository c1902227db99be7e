-- For busted's --helper: what specs require from tests/ is found without a search path of theirs.
package.path = require("salvor.fs").absolute("tests") .. "/?.lua;" .. package.path
