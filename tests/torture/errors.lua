local fail = require("salvor.error")
local fs = require("salvor.fs")
local secret = require("salvor.secret")

local ARGUMENTS = ...

local cause = fail.new({code = "Conflict", message = "the cause"})
local all = fail.new({code = "NotFound", message = "what", op = "a.b", hint = "do", status = 404,
                      retryable = true, details = {1}, cause = cause})
assert(tostring(all) == "a.b: what (NotFound)\nhint: do" and fail.is(all.cause, "Conflict"))
local ok, raised = pcall(must, nil, all)
assert(not ok)
must(fail.is(raised, "NotFound"), raised)

local nothing, err = fs.read(ARGUMENTS.folder .. "/none")
assert(not nothing)
must(err.code == "NotFound", err)

local scope <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
    secret.remove("correct horse battery")
end})
assert(must(secret.add("correct horse battery")))
assert(secret.mask("say: correct horse battery") == "say: ***")
