-- A stand-in for apicops, which looks after the tasks of API Connect v2018: prints what the real
-- one prints, on the cluster of $KUBECONFIG and the namespace of -n.
--
-- The ConfigMap `world` says what it finds: version (of the pod apim), stuck (a list of
-- {kind, id}), unfixable (true: they stay), answer (a text in the place of the list), fail =
-- {command = "why"}.
local json = require("salvor.json")
local k8s = require("salvor.k8s")

local KINDS = {"send", "snapshot", "heartbeat", "manage-stale-catalog-webhooks",
               "manage-stale-cloud-webhooks"}

local command, flag, namespace = table.unpack(arg)
if flag ~= "-n" then
    io.stderr:write("Error: -n is missing\n")
    os.exit(2)
end
local client = must(k8s.connect({namespace = namespace}))
local object = must(client:get("configmaps", "world"))
local told = must(json.decode(object.data.told))
local verb = command:match("^task%-queue:(%l+)%-stuck%-tasks$")
if (told.fail or {})[verb] then
    io.stderr:write("Error: ", told.fail[verb], "\n")
    os.exit(1)
end

print("Current date/time 2020-04-22T15:08:49.301Z")
print("apicops 0.2.86")
if told.version ~= "" then
    print("Apim Pod version is: " .. told.version .. " ( apim:2018.4.1-1141-bd7c128 )")
end

local function list()
    if told.answer then
        return print(told.answer)
    end
    for _, kind in ipairs(KINDS) do
        local found = false
        for _, task in ipairs(told.stuck) do
            if task.kind == kind then
                found = true
                print("Stuck " .. kind .. " task id " .. task.id)
            end
        end
        if not found then
            print("No stuck " .. kind .. " tasks found")
        end
    end
end

local function fix()
    for _, task in ipairs(told.unfixable and {} or told.stuck) do
        print(string.format("Deleted %s task id %s with payload containing webhook id %s as it did"
            .. " not exist in the webhook table", task.kind, task.id, task.id))
    end
    if not told.unfixable then
        told.stuck = {}
        must(client:patch("configmaps", "world", {data = {told = must(json.encode(told))}}))
    end
end

if verb == "list" then
    list()
else
    fix()
end
