--- Which object of a kind a procedure works on: the one that is named, or the only one there is.
local find = require("salvor.k8s.find")

local function contains(names, wanted)
    for _, name in ipairs(names) do
        if name == wanted then
            return true
        end
    end
    return false
end

--- choose(ctx, wanted) -> its name; nothing after a problem. wanted:
---   kind, plural   as people and as a client call it
---   product        what is not installed in a cluster without the kind
---   param          the parameter that names it; name, its value
--- and where it is not looked for in the target:
---   client         of the place
---   where          what a message says behind the place: " of the other data centre"
---   by             {cluster, namespace}: by which options it is named, "-p other_context=…"
---   otherwise      what else can be done when there is none, for the hint
return function(ctx, wanted)
    local client, where = wanted.client or ctx.k8s, wanted.where
    local by = wanted.by or {cluster = "--context or --kubeconfig", namespace = "-n"}
    local otherwise = wanted.otherwise and ", or " .. wanted.otherwise or ""
    if not find.has_kind(client, wanted.plural) then
        return ctx:problem((where and "the cluster" .. where or "this cluster") .. " has no "
            .. wanted.kind .. "s: " .. wanted.product .. " is not installed",
            "choose the right cluster with " .. by.cluster .. otherwise)
    end
    local names, name = find.names(client, wanted.plural), wanted.name
    local place = " in namespace " .. client.namespace .. (where or "")
    if #names == 0 then
        ctx:problem("there is no " .. wanted.kind .. (name and " " .. name or "") .. place,
            "name its namespace with " .. by.namespace .. otherwise)
    elseif name and not contains(names, name) then
        ctx:problem("there is no " .. wanted.kind .. " " .. name .. place,
            "there is: " .. table.concat(names, ", "))
    elseif not name and #names > 1 then
        ctx:problem("there are " .. #names .. " " .. wanted.kind .. "s" .. place .. ": "
            .. table.concat(names, ", "), "choose one with -p " .. wanted.param .. "=…")
    else
        return name or names[1]
    end
end
