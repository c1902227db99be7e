--- What a back end has tried once is tried again where its error says that it may.
---
--- The pauses grow from half a second to half a minute and are scattered, so that many who were
--- sent away do not come back together; a server that names a time (Retry-After) is taken at its
--- word.
local log = require("salvor.log")
local task = require("salvor.task")

local retry = {}

local FIRST, LONGEST = 0.5, 30
local PATIENCE = 300 -- seconds that a server may ask for

--- How often something is repeated when nothing else is said.
retry.DEFAULT = 5

local function pause_after(err, tries)
    local pause = math.min(FIRST * 2 ^ tries, LONGEST) * (0.5 + math.random() / 2)
    local asked = err.details and err.details.retry_after
    return asked and math.max(asked, pause) or pause
end

--- The result of attempt(), repeated up to `retries` times while it fails with an error that is
--- retryable, and of which may_repeat(err) says that it did nothing.
local function call(retries, attempt, may_repeat)
    local tries = 0
    while true do
        local result, err = attempt()
        if result ~= nil or not (err and err.retryable) or tries >= retries
            or not may_repeat(err) then
            return result, err
        end
        local pause = pause_after(err, tries)
        if pause > PATIENCE then
            return nil, err
        end
        tries = tries + 1
        if log.enabled("info") then
            log.info("tried again", {because = err.message, times = tries,
                                     seconds = math.floor(pause * 10) / 10})
        end
        task.sleep(pause)
    end
end

--- A method whose calls are repeated where is_safe(err, its arguments...).
local function repeating(retries, method, is_safe)
    return function(self, ...)
        local arguments = table.pack(...)
        return call(retries, function()
            return method(self._single, table.unpack(arguments, 1, arguments.n))
        end, function(err)
            return is_safe(err, table.unpack(arguments, 1, arguments.n))
        end)
    end
end

local UNCERTAIN = {Disconnected = true, Timeout = true}

local function always()
    return true
end

--- What must be absent is written again only when it was surely not written, since else its own
--- first attempt would be in the way.
local function write_is_safe(err, _, _, options)
    return not (options.if_absent and UNCERTAIN[err.code])
end

local SAFE = {list = always, stat = always, read = always, write = write_is_safe, begin = always,
              remove = always, copy = always, verifier = always,
              taken_time = always, leftovers = always, retention = always}

local function wrap_upload(retries, upload)
    local wrapped = {part_size = upload.part_size, _single = upload}
    for _, name in ipairs({"has", "recall", "part", "finish"}) do
        wrapped[name] = upload[name] and repeating(retries, upload[name], always)
    end
    function wrapped.abort()
        upload:abort()
    end
    function wrapped.close()
        upload:close()
    end
    return setmetatable(wrapped, {__close = wrapped.close})
end

--- The back end as verbs use it: same fields and methods, its calls are repeated.
function retry.wrap(backend, retries)
    local wrapped = {kind = backend.kind, url = backend.url, server = backend.server,
                     features = backend.features, _single = backend}
    for name, is_safe in pairs(SAFE) do
        if backend[name] then
            wrapped[name] = repeating(retries, backend[name], is_safe)
        end
    end
    local begin = wrapped.begin
    function wrapped.begin(...)
        local upload, err = begin(...)
        return upload and wrap_upload(retries, upload), err
    end
    wrapped.enter = backend.enter and function(_, folder)
        backend:enter(folder)
        wrapped.url = backend.url
    end
    function wrapped.close()
        backend:close()
    end
    return wrapped
end

return retry
