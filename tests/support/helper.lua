-- For busted's --helper: what specs require from tests/ is found without a search path from outside.
package.path = require("salvor.fs").absolute("tests") .. "/?.lua;" .. package.path
