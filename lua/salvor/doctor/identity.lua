--- Who we are to the server.
local salvor = require("salvor")

local VERSIONS = {"v1", "v1beta1", "v1alpha1"} -- 1.28, 1.27, 1.26

local ANONYMOUS = "system:anonymous"

-- There is nothing there: who may not look is told so, by name.
local NOWHERE = "/salvor-who-am-i"

local function name_in(err)
    return err.status == 403 and err.message:match('[Uu]ser "(.-)" cannot') or nil
end

--- {username, groups} by the server's review of ourselves; nil when it has none, nil and an error.
local function review(client)
    for _, version in ipairs(VERSIONS) do
        local api = "authentication.k8s.io/" .. version
        local answer, err = client:request({
            method = "POST",
            path = "/apis/" .. api .. "/selfsubjectreviews",
            body = {apiVersion = api, kind = "SelfSubjectReview"},
        })
        if answer then
            local who = salvor.dig(answer.body, "status", "userInfo")
            return type(who) == "table" and type(who.username) == "string" and who or nil
        elseif err.status ~= 404 then
            err.hint = err.status and err.hint -- without, it speaks of a change
            return name_in(err) and {username = name_in(err)}, err
        end
    end
end

--- What an older server tells.
local function from_refusal(client)
    local answer, err = client:request({path = NOWHERE})
    if answer or err.status == 404 then
        return nil
    end
    return name_in(err) and {username = name_in(err)}, err
end

--- What our own credentials tell.
local function from_credentials(subject)
    local who = subject.who
    local subject_of = salvor.dig(who, "certificate", "subject")
        or salvor.dig(who, "token", "subject")
    return "ok", (subject_of and subject_of .. ", as our own " .. who.kind .. " says"
        or tostring(subject.client.user) .. ", as the kubeconfig calls it")
        .. "; servers before Kubernetes 1.26 do not say"
end

local function ask(subject)
    local found, err = review(subject.client)
    if not found and not err then
        found, err = from_refusal(subject.client)
    end
    if not found and err then
        return nil, err
    elseif not found then
        return from_credentials(subject)
    end
    local name, groups = found.username, {}
    for index, group in ipairs(type(found.groups) == "table" and found.groups or {}) do
        groups[index] = tostring(group)
    end
    if name == ANONYMOUS then
        return "warning", name, "name a user in the context"
    end
    return "ok", name .. (groups[1] and ", of " .. table.concat(groups, ", ") or "")
end

--- The check; it runs a credential plugin, which may ask somebody.
return function(subject, tls, credentials)
    return {
        group = "user", name = "identity", context = subject.name, needs = {tls, credentials},
        asks = function()
            return subject.client ~= nil and subject.client.may_ask
        end,
        run = function()
            return ask(subject)
        end,
    }
end
