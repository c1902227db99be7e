local loader = require("salvor.procedure.loader")

local function print_steps(procedure)
    print("steps")
    for _, step in ipairs(procedure.steps) do
        print(string.format("  %-16s %s%s", step.id, step.title, step.check and " (check)" or ""))
        print("                   " .. step.why)
    end
end

local function print_parameters(procedure)
    print("parameters")
    for _, param in ipairs(procedure.params) do
        local notes = param.type
        if param.values then
            notes = table.concat(param.values, "|")
        end
        if param.required then
            notes = notes .. ", required"
        elseif param.default ~= nil then
            notes = notes .. ", default " .. tostring(param.default)
        end
        print(string.format("  %-16s %s (%s)", param.name, param.help, notes))
    end
end

local function print_permissions(procedure)
    print("permissions")
    for _, permission in ipairs(procedure.permissions) do
        local kind = type(permission.kind) == "string" and permission.kind
            or "a kind that depends on parameters"
        print("  " .. kind .. ": " .. table.concat(permission.verbs, ", "))
    end
end

return {
    summary = "a procedure: its parameters, steps and permissions",
    usage = "salvor show ID",
    arguments = {1, 1},
    run = function(_, words)
        local procedure, origin = loader.load(words[1])
        print(procedure.id .. ": " .. procedure.title)
        print(procedure.summary)
        if procedure.document then
            print("document: " .. procedure.document)
        end
        for _, system in ipairs(procedure.systems) do
            print("for: " .. system.name .. " " .. system.versions)
        end
        print("script: " .. origin.source)
        print_parameters(procedure)
        print_steps(procedure)
        print_permissions(procedure)
        return 0
    end,
}
