--- The API server: whether it can be reached and trusted, what it is, and what time it has.
local dates = require("salvor.dates")
local kube = require("salvor.kube")
local salvor = require("salvor")
local task = require("salvor.task")
local validity = require("salvor.doctor.validity")

local server = {}

local MONTH = 30 * 86400 -- seconds
local APART, FAR_APART = 2, 60 -- seconds between two clocks that are a warning, and an error
local OLDEST = {1, 19} -- of Kubernetes

-- An empty header is not sent: so a credential plugin that fails is not taken for the server.
local ANONYMOUS = {Authorization = ""}

-- What goes wrong once there is a connection.
local OF_TLS = {Untrusted = true, Invalid = true, Unauthorized = true}

local function check(subject, name, needed, look)
    return {group = "server", name = name, context = subject.name, needs = {needed},
            run = function()
        return look(subject)
    end}
end

local function is_tls(client)
    return client.server:lower():find("^https://") ~= nil
end

--- The seconds that this machine's clock is ahead of the server's, at least; negative: behind. The
--- answer has the second in which it was made, and came at some time between `from` and `to`.
local function ahead(date, from, to)
    return from > date + 1 and from - date - 1 or to < date and to - date or 0
end

local function probe(subject)
    local client = subject.client
    local from, began = os.time(), task.now()
    local exchange, err = client._kube:send({
        path = "/version",
        headers = is_tls(client) and ANONYMOUS or nil,
        timeout = subject.timeout,
        inspect = true,
    })
    if not exchange then
        return nil, err
    end
    exchange:wait()
    local date = dates.http(exchange:header("Date"))
    subject.ahead = date and ahead(date, from, os.time() + 1)
    subject.certificate = exchange:certificate()
    local answer, problem = exchange:answer()
    if not answer and OF_TLS[problem.code] and not problem.status then
        subject.refused = problem
    elseif not answer and not problem.status then
        return nil, problem
    end
    return "ok", string.format("%s, %.0f ms", client.server, (task.now() - began) * 1000)
end

--- The check that something answers there; it leaves what the others look at.
function server.connection(subject, context)
    return check(subject, "connection", context, probe)
end

local function look_at_tls(subject)
    if subject.refused then
        return nil, subject.refused
    elseif not is_tls(subject.client) then
        return "warning", "none: whoever is on the way can read and change what is sent",
            "use an https:// address"
    end
    local certificate = subject.certificate
    local what = certificate and "certificate of " .. certificate.subject or "no certificate"
    if subject.client.insecure then
        return "warning", what .. ", which nobody verifies",
            "give its authority (certificate-authority) in the place of insecure-skip-tls-verify"
    end
    return validity(what, certificate or {}, MONTH)
end

--- The check that it is the server that is meant.
function server.tls(subject, connection)
    return check(subject, "TLS", connection, look_at_tls)
end

local function look_at_clock(subject)
    local seconds = subject.ahead
    if not seconds then
        return "warning", "the server does not tell its time",
            "compare this machine's clock, as date -u shows it, with another one"
    elseif math.abs(seconds) <= APART then
        return "ok", "as the server's"
    end
    return math.abs(seconds) > FAR_APART and "error" or "warning",
        string.format("this machine's clock is %d s %s the server's", math.abs(seconds),
            seconds > 0 and "ahead of" or "behind"),
        "set it, by NTP say: tokens, certificates, signatures for S3 and the lock of a run go by it"
end

local function parse_version(body)
    local text = tostring(salvor.dig(body, "gitVersion"))
    local major, minor = text:match("^v?(%d+)%.(%d+)")
    return text, math.tointeger(tonumber(major)), math.tointeger(tonumber(minor))
end

local function look_at_version(subject)
    local answer, err = subject.client:request({path = "/version"})
    if not answer then
        return nil, err
    end
    local text, major, minor = parse_version(answer.body)
    if not minor then
        return "error", "it does not say which version of Kubernetes it is",
            "is this an API server?"
    elseif major < OLDEST[1] or major == OLDEST[1] and minor < OLDEST[2] then
        return "warning", text .. " is older than " .. table.concat(OLDEST, "."),
            "not all that procedures use is there"
    end
    return "ok", text
end

-- Who may not ask, or asks a server that is older than the question, learns nothing.
local NOT_TOLD = {[401] = true, [403] = true, [404] = true}

local function not_told(err)
    return "skipped", "the server does not say: " .. err.message
end

--- What is not ready, of an answer that has a line for each part.
local function unready(err)
    local parts, text = {}, tostring(salvor.dig(err, "details", "causes", 1, "message"))
    for part in text:gmatch("%[%-%](%S+)") do
        parts[#parts + 1] = part
    end
    return parts[1] and "not ready: " .. table.concat(parts, ", ") or err.message
end

local function look_at_readiness(subject)
    local answer, err = subject.client:request({path = "/readyz", query = {verbose = true},
                                                raw = true})
    if answer then
        return "ok", "the server says so"
    elseif NOT_TOLD[err.status] then
        return not_told(err)
    elseif err.status then
        return "error", unready(err), "look at the server's own log"
    end
    return nil, err
end

local function look_at_namespace(subject)
    local name = subject.client.namespace
    local answer, err = subject.client:request({path = "/api/v1/namespaces/" .. kube.escape(name)})
    if answer and salvor.dig(answer.body, "status", "phase") == "Terminating" then
        return "error", name .. " is being deleted", "name another one with --namespace"
    elseif answer then
        return "ok", name
    elseif salvor.dig(err, "details", "kind") == "namespaces" and err.status == 404 then
        return "error", "there is no namespace '" .. name .. "'",
            "name another one with --namespace, or have it made"
    elseif NOT_TOLD[err.status] then
        return not_told(err)
    end
    return nil, err
end

--- known_kinds(client) -> {["plural.group"] = true}, and the versions of groups that do not answer;
--- nil and an error. All are asked for at once, which is less than to look for each.
function server.known_kinds(client)
    local kinds, err = client:kinds()
    if not kinds then
        return nil, err
    end
    local known = {}
    for _, kind in ipairs(kinds) do
        known[kind.plural .. "." .. kind.group] = true
    end
    return known, client._discovery:known():silent()
end

local function look_at_kinds(subject)
    local known, silent = server.known_kinds(subject.client)
    if not known then
        return nil, silent
    end
    subject.kinds = known
    if silent[1] then
        return "warning", table.concat(silent, ", ") .. " does not answer",
            "its APIService says why: kubectl get apiservices"
    end
    return "ok", #salvor.keys(known) .. " of them"
end

--- The check of which kinds there are; it leaves subject.kinds.
function server.kinds(subject, identity)
    return check(subject, "kinds", identity, look_at_kinds)
end

--- What else an authenticated user can ask: list of checks.
function server.rest(subject, tls, identity)
    return {
        check(subject, "clock", tls, look_at_clock),
        check(subject, "version", identity, look_at_version),
        check(subject, "ready", identity, look_at_readiness),
        check(subject, "namespace", identity, look_at_namespace),
    }
end

return server
