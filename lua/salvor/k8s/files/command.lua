--- The command in a container, at the other end of a transfer: what it says, and what went wrong
--- when it failed.
local fail = require("salvor.error").new
local harmless = require("salvor.k8s.harmless")
local task = require("salvor.task")

local STDERR_LIMIT = 4096 -- of what a command says, the end is kept
local PROGRESS_PAUSE = 0.1 -- seconds between two reports

local command = {}

--- nil and the error, which gets the name of the call it belongs to.
function command.named(err, op)
    err.op = op
    return nil, err
end

--- The end of what a command has written to its standard error.
function command.collector()
    local text = ""
    return function(chunk)
        text = (text .. (chunk or "")):sub(-STDERR_LIMIT)
        return text
    end
end

local NEEDS = "files are copied by tar in the container's image, uploads by sh, mv, dd or head too"

--- What went wrong in a container, by the exit code of the command and what it said.
function command.failure(op, code, said, what)
    said = harmless(said:gsub("%s+$", ""):gsub("%c+", "; "))
    local err = {code = "Failed", op = op, message = string.format("%s: %s", what,
        said ~= "" and said or "exit code " .. code)}
    if code == 126 or code == 127 then
        err.hint = NEEDS
    elseif said:find("No such file", 1, true) then
        err.code = "NotFound"
    elseif said:find("Permission denied", 1, true) then
        err.code = "Forbidden"
    elseif said:find("No space left", 1, true) then
        err.code = "NoSpace"
    end
    return nil, fail(err)
end

--- An exec that failed. The server has no word of its own for a program that is not there.
function command.not_run(op, err)
    local missing = err.message:match('exec: "([^"]+)": executable file not found')
        or err.message:match('exec: "([^"]+)": stat .*: no such file')
    if not missing then
        return command.named(err, op)
    end
    return nil, fail({code = "NotFound", op = op, cause = err, hint = NEEDS,
                      message = "there is no " .. missing .. " in the container's image"})
end

--- Tells how far a transfer is, not more often than somebody can read.
function command.reporter(handle, on_progress)
    local due = 0
    return function(is_last)
        if on_progress and (is_last or task.now() >= due) then
            due = task.now() + PROGRESS_PAUSE
            on_progress(handle:progress())
        end
    end
end

return command
