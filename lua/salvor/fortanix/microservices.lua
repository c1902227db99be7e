--- The microservices: their deployments that are deleted before a restore, their end, and their
--- return.
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local k8s = require("salvor.k8s")
local known = require("salvor.fortanix.restore.known")
local task = require("salvor.task")

local microservices = {}

local DEPLOYMENTS = "deployments.apps"
local UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed" -- pods
local LOOK = 0.2 -- seconds between two looks

--- Whether the name is of one of the patterns; "*" stands for anything.
local function matches(name, patterns)
    for _, pattern in ipairs(patterns) do
        local plain = pattern:gsub("%p", "%%%0"):gsub("%%%*", ".*")
        if name:match("^" .. plain .. "$") then
            return true
        end
    end
    return false
end

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
            goes = matches(object.metadata.name, patterns),
            going = object.metadata.deletionTimestamp ~= nil,
        }
    end
    return found
end

--- absent(found, patterns) -> list of the patterns that none of what find() has found is of
function microservices.absent(found, patterns)
    local absent = {}
    for _, pattern in ipairs(patterns) do
        local is_there = false
        for _, deployment in ipairs(found) do
            is_there = is_there or matches(deployment.name, {pattern})
        end
        absent[#absent + 1] = not is_there and pattern or nil
    end
    return absent
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
local function stay_deleted(ctx)
    local deadline = task.now() + ctx.params.stop_timeout
    local settled
    repeat
        task.sleep(LOOK)
        local all, back = remaining(ctx.k8s, ctx.params.deployments)
        if #back > 0 then
            failed("deleted deployments came back: " .. table.concat(back, ", "),
                "the operator is not paused: it does not heed spec.paused of " .. ctx.params.cr
                .. ". Is that its resource, and is the operator running? No data were touched")
        elseif #all > 0 and task.now() > deadline then
            failed("deployments are not gone after " .. ctx.params.stop_timeout .. " s: "
                .. table.concat(all, ", "), "look at their finalizers")
        end
        settled = #all == 0 and (settled or task.now() + ctx.params.settle)
    until settled and task.now() >= settled
end

--- stop(ctx): deletes the deployments of parameter `deployments`, and returns when they have stayed
--- deleted for a while and their pods (ctx.facts.selectors) are gone. Raises when they do not.
function microservices.stop(ctx)
    local selectors = known(ctx, "selectors")
    for _, name in ipairs(remaining(ctx.k8s, ctx.params.deployments)) do
        local deleted, err = ctx.k8s:delete(DEPLOYMENTS, name)
        if not deleted and err.code ~= "NotFound" then
            error(err, 0)
        end
    end
    if not ctx.planning then
        stay_deleted(ctx)
    end
    for _, selector in ipairs(selectors) do
        must(ctx.k8s:wait("pods", nil, {label_selector = selector, deleted = true,
                                        timeout = ctx.params.stop_timeout}))
    end
end

--- expect_stopped(ctx): raises when pods of them run, whatever has become of the deployments.
function microservices.expect_stopped(ctx)
    for _, selector in ipairs(known(ctx, "selectors")) do
        for pod in ctx.k8s:each("pods", {label_selector = selector,
                                         field_selector = UNFINISHED}) do
            failed("pod " .. pod.metadata.name .. " of the microservices runs, and would write to"
                .. " the database while it is restored", "stop it first: the step"
                .. " delete-deployments does; if it came back by itself, the operator is not"
                .. " paused. No data were touched")
        end
    end
end

--- await(ctx): until the deployments of ctx.facts.deployments are there and ready, and every pod of
--- the namespace that is to run is, too.
function microservices.await(ctx)
    local items = {}
    for index, name in ipairs(known(ctx, "deployments")) do
        items[index] = {kind = DEPLOYMENTS, name = name, create = true}
    end
    local timeout = ctx.params.platform_timeout
    local deadline = task.now() + timeout
    must(ctx.k8s:wait_all(items, {timeout = timeout}))
    local ok, err
    repeat
        -- Each plan says the same, however long it has taken: a saved one is compared with it.
        timeout = ctx.planning and timeout or math.max(deadline - task.now(), 0)
        ok, err = ctx.k8s:wait("pods", nil, {field_selector = UNFINISHED, create = true,
                                             timeout = timeout})
        -- Of a Job that pod has done its work, or it was replaced.
    until ok or err.code ~= "NotFound"
    must(ok, err)
end

return microservices
