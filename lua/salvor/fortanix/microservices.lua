--- The deployments that are deleted before a restore, and their end.
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local fortanix = require("salvor.fortanix")
local k8s = require("salvor.k8s")
local task = require("salvor.task")

local microservices = {}

local DEPLOYMENTS = "deployments.apps"
local LOOK = 0.2 -- seconds between two looks

--- A deployment's label selector, as a client takes it.
local function selector_of(object)
    local terms = {}
    for label, value in pairs(fields.map(object, "spec", "selector", "matchLabels")) do
        terms[#terms + 1] = label .. "=" .. value
    end
    for _, term in ipairs(fields.items(object, "spec", "selector", "matchExpressions")) do
        local values = "(" .. table.concat(fields.map(term, "values"), ",") .. ")"
        terms[#terms + 1] = ({In = term.key .. " in " .. values,
                              NotIn = term.key .. " notin " .. values,
                              Exists = term.key, DoesNotExist = "!" .. term.key})[term.operator]
    end
    table.sort(terms)
    return table.concat(terms, ",")
end

--- find(client, patterns) -> list of {name, selector of its pods, ready, why (it is not), goes =
--- whether it is of the patterns, going = its deletion is under way}: the deployments of the
--- namespace. Raises what prevents the look.
function microservices.find(client, patterns)
    local found = {}
    for object in client:each(DEPLOYMENTS) do
        local state, why = k8s.state(object)
        found[#found + 1] = {
            name = object.metadata.name,
            selector = selector_of(object),
            ready = state == "ready",
            why = why,
            goes = fortanix.matches(object.metadata.name, patterns) ~= nil,
            going = object.metadata.deletionTimestamp ~= nil,
        }
    end
    return found
end

--- The names of those that are still, or again, there; and of those whose end is not under way.
local function remaining(client, patterns)
    local all, back = {}, {}
    for _, deployment in ipairs(microservices.find(client, patterns)) do
        if deployment.goes then
            all[#all + 1] = deployment.name
            back[#back + 1] = not deployment.going and deployment.name or nil
        end
    end
    return all, back
end

--- are_gone(client, patterns) -> whether no deployment of the patterns is there
function microservices.are_gone(client, patterns)
    return #remaining(client, patterns) == 0
end

local function failed(message, hint)
    error(errors.new({code = "Failed", message = message, hint = hint}), 0)
end

--- An operator that does not pause brings them back at once; one that does leaves them deleted.
local function stay_deleted(client, patterns, owner, options)
    local deadline = task.now() + options.stop_timeout
    local settled
    repeat
        task.sleep(LOOK)
        local all, back = remaining(client, patterns)
        if #back > 0 then
            failed("deleted deployments came back: " .. table.concat(back, ", "),
                "the operator is not paused: it does not heed spec.paused of " .. owner
                .. ". Is that its resource, and is the operator running? No data were touched")
        elseif #all > 0 and task.now() > deadline then
            failed("deployments are not gone after " .. options.stop_timeout .. " s: "
                .. table.concat(all, ", "), "look at their finalizers")
        end
        settled = #all == 0 and (settled or task.now() + options.settle)
    until settled and task.now() >= settled
end

--- stop(client, patterns, owner, options): deletes the deployments of the patterns and returns when
--- they have stayed deleted for a while and their pods are gone. owner: the operator's resource, in
--- words. options: {selectors = those of the pods, settle, stop_timeout (seconds), planning}.
function microservices.stop(client, patterns, owner, options)
    for _, name in ipairs(remaining(client, patterns)) do
        local deleted, err = client:delete(DEPLOYMENTS, name)
        if not deleted and err.code ~= "NotFound" then
            error(err, 0)
        end
    end
    if not options.planning then
        stay_deleted(client, patterns, owner, options)
    end
    for _, selector in ipairs(options.selectors) do
        must(client:wait("pods", nil, {label_selector = selector, deleted = true,
                                       timeout = options.stop_timeout}))
    end
end

return microservices
