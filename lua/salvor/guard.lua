--- What keeps a session from writing. Whatever changes a cluster or a store asks here before it
--- does: requests to an API server (lua/salvor/k8s/allow.lua), commands, uploads and forwarded
--- ports of pods, the back ends of stores (lua/salvor/store/guarded.lua), the effects of procedures
--- and whole runs. Files of this machine, and programs that a script starts here, do not.
---
--- It keeps people from mistakes. Code that is not trusted needs a user who may only read.
local errors = require("salvor.error")

local guard = {}

local is_read_only = false
local decide -- of salvor.prompt.production, where there is one

local HINT = "start Salvor without --read-only (and $SALVOR_READ_ONLY) to write"

--- From now on every write is refused.
function guard.make_read_only()
    is_read_only = true
end

function guard.is_read_only()
    return is_read_only
end

--- From now on decide(write) -> true | nil, reason, hint says what may be written.
function guard.ask(fn)
    decide = fn
end

--- check(write) -> true | nil, Refused. write: op (of the error), verb and target (texts for
--- people), client (of the cluster that it goes to; nil when that is elsewhere), begins (others
--- follow that belong to it, and who allows it allows those).
function guard.check(write)
    local reason, hint = "the session is read-only", HINT
    if not is_read_only then
        local allowed = true
        if decide then
            allowed, reason, hint = decide(write)
        end
        if allowed then
            return true
        end
    end
    return nil, errors.new({code = "Refused", op = write.op, hint = hint,
                            message = write.verb .. " " .. write.target .. ": " .. reason})
end

return guard
