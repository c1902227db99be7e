--- Asks salvor.guard about a request to an API server, unless it changes nothing: all change
--- something but reads, dry runs and questions.
local guard = require("salvor.guard")
local subject = require("salvor.k8s.subject")

local READS = {GET = true, HEAD = true}

-- Subresources of pods that open streams, whatever the method.
local STREAMS = {exec = true, attach = true, portforward = true}

-- What is created in these groups are questions (SelfSubjectAccessReview, TokenReview, ...): the
-- answer comes at once, and nothing is kept.
local REVIEWING = {["authorization.k8s.io"] = true, ["authentication.k8s.io"] = true}

local function is_all(dry_run)
    return dry_run == "All" or type(dry_run) == "table" and #dry_run == 1 and dry_run[1] == "All"
end

--- A server that is given DeleteOptions does not look at the query; and what it hands on to a pod
--- or service (proxy) is done in any case.
local function is_dry_run(request, path)
    local body = request.body
    if path:find("/proxy%f[/?%z]") then
        return false
    elseif request.method == "DELETE" and body ~= nil then
        return type(body) == "table" and is_all(body.dryRun)
    end
    return is_all((request.query or {}).dryRun)
end

local function is_review(request, path)
    local group = path:match("^/apis/([^/]+)/[%w/._-]*reviews$")
    return request.method == "POST" and REVIEWING[group] or false
end

--- The path as the server reads it.
local function decoded(path)
    return (path:gsub("%%(%x%x)", function(digits)
        return string.char(tonumber(digits, 16))
    end))
end

local function is_write(request)
    local path = decoded(request.path or "")
    if READS[request.method] then
        return STREAMS[path:match("/pods/[^/]+/(%a+)")] or false
    end
    return not (is_review(request, path) or is_dry_run(request, path))
end

--- request: as for salvor.k8s.call, with a method; true, or nil and Refused
return function(client, request)
    if not is_write(request) then
        return true
    end
    local write = request.write
    return guard.check({
        op = request.op,
        client = client,
        verb = write and write.verb or request.method,
        target = write and subject(write) or request.path,
    })
end
