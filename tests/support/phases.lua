--- Which phases the objects of a kind go through.
local lab = require("support.lab")
local task = require("salvor.task")

local PATIENCE = 60 -- seconds

--- watch(namespace, kind) -> function(name, last): watches in a task of its own; the function waits
--- for the last phase of that object, ends the watch and returns all that was seen: "Pending,
--- Running 18/18".
return function(namespace, kind)
    local client = lab.client({namespace = namespace})
    local seen = {}
    local running = task.spawn(function()
        for event in client:watch(kind) do
            local name, status = event.object.metadata.name, event.object.status or {}
            local phase = (status.phase or "") .. (status.state and " " .. status.state or "")
            local list = seen[name] or {}
            if phase ~= "" and list[#list] ~= phase then
                list[#list + 1] = phase
            end
            seen[name] = list
        end
    end)
    return function(name, last)
        local deadline = task.now() + PATIENCE
        while task.now() < deadline and (seen[name] or {})[#(seen[name] or {})] ~= last do
            task.sleep(0.02)
        end
        running:cancel()
        pcall(running.join, running)
        getmetatable(client).__close(client)
        return seen[name] and table.concat(seen[name], ", ")
    end
end
