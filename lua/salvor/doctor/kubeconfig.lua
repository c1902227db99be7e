--- The kubeconfig: its files, the context that is chosen, and the credentials that it names.
local copy = require("salvor.copy")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local kube = require("salvor.kube")
local proc = require("salvor.proc")
local validity = require("salvor.doctor.validity")

local kubeconfig = {}

local OF_OTHERS = tonumber("066", 8) -- who may read or write it
local MONTH, HOUR = 30 * 86400, 3600 -- seconds

-- What is to be known of a path, by what is there.
local NOTES = {file = "", folder = " (a folder)", other = " (no regular file)"}

local function note_on(status, err)
    if not status then
        return err.code == "NotFound" and " (not there)" or " (cannot be looked at)"
    end
    return NOTES[status.type]
end

local function look_at_files(path)
    local named, open, is_there = {}, {}, false
    for index, file in ipairs(kube.files({kubeconfig = path})) do
        local status, err = fs.stat(file)
        named[index] = file .. note_on(status, err)
        is_there = is_there or status ~= nil
        if status and status.type == "file" and status.mode & OF_OTHERS ~= 0 then
            open[#open + 1] = file
        end
    end
    if open[1] then
        return "warning", table.concat(open, ", ") .. " can be read or changed by others",
            "chmod 600 " .. table.concat(open, " ")
    end
    return is_there and "ok" or "skipped",
        named[1] and table.concat(named, ", ") or "none is named, and there is no home"
end

--- The check of the files themselves; `path` is --kubeconfig's, or nil.
function kubeconfig.files(path)
    return {group = "kubeconfig", name = "files", run = function()
        return look_at_files(path)
    end}
end

local function connect(subject)
    local warning
    local client, err = k8s.connect(copy.merge(subject.target, {
        timeout = subject.timeout,
        on_warning = function(text)
            warning = warning or text
        end,
    }))
    if not client then
        return nil, err
    end
    subject.client = client
    local where = client.context and client.context .. " of " .. client.source or client.source
    local seen = string.format("%s: %s, namespace %s", where, client.server, client.namespace)
    if warning then
        return "warning", seen .. "; " .. warning, "name the kubeconfig that is meant"
    end
    return "ok", seen
end

--- The check that a context can be used; it leaves subject.client.
function kubeconfig.context(subject)
    return {group = "kubeconfig", name = "context", context = subject.name, run = function()
        return connect(subject)
    end}
end

local describe = {}

function describe.plugin(who)
    local path = proc.which(who.plugin)
    if not path then
        return "error", "the plugin " .. who.plugin .. (who.plugin:find("/", 1, true)
            and " is no program that can be run" or " is not on PATH"),
            "install it, or choose another context"
    end
    return "ok", "the plugin " .. path
end

function describe.certificate(who)
    return validity("client certificate of " .. who.certificate.subject, who.certificate, MONTH)
end

function describe.token(who)
    local token = who.token or {}
    return validity(token.subject and "token of " .. token.subject or "token", token, HOUR)
end

function describe.password()
    return "ok", "user name and password"
end

function describe.none()
    return "warning", "none: requests are anonymous", "name a user in the context"
end

--- The check of what the kubeconfig has to prove who we are, without asking anybody; it leaves
--- subject.who (src/kube/identity.h).
function kubeconfig.credentials(subject, context)
    return {group = "kubeconfig", name = "credentials", context = subject.name, needs = {context},
            run = function()
        local who, err = subject.client._kube:identity()
        if not who then
            return nil, err
        end
        subject.who = who
        local status, seen, advice = describe[who.kind](who)
        local act_as = subject.client.act_as
        return status, act_as and seen .. ", acting as " .. act_as or seen, advice
    end}
end

return kubeconfig
