local command = require("salvor.procedure.command")
local description = require("salvor.procedure.description")
local hooks = require("salvor.procedure.hooks")
local json_text = require("salvor.procedure.json_text")
local secret = require("salvor.secret")
local session = require("salvor.procedure.session")
local ui = require("salvor.ui")

local function line(format, ...)
    print(ui.escape(secret.mask(string.format(format, ...))))
end

--- How wide the first column is: as wide as the longest name takes, with a blank behind it.
local function width_of(shown)
    local width = 16
    for _, list in ipairs({shown.params, shown.unused, shown.steps}) do
        for _, item in ipairs(list) do
            width = math.max(width, #(item.name or item.step) + 1)
        end
    end
    return width
end

--- A name in the first column, and what stands behind it.
local function row(width, name, format, ...)
    line("  %s%s %s", name, (" "):rep(width - #name), string.format(format, ...))
end

local function print_parameter(param, width)
    local notes = param.values and table.concat(param.values, "|") or param.type
    if param.required then
        notes = notes .. ", required"
    elseif param.default ~= nil then
        notes = notes .. ", default " .. tostring(param.default)
    end
    row(width, param.name, "%s (%s)", param.help, notes)
    if param.source and param.source ~= "default" then
        row(width, "", "= %s  [%s]", param.value, param.source)
    end
end

local function print_target(target, width)
    local found = false
    for _, name in ipairs({"context", "kubeconfig", "namespace"}) do
        if target[name] then
            if not found then
                print("target")
            end
            found = true
            row(width, name, "%s  [%s]", target[name].value, target[name].source)
        end
    end
end

--- The commands that come next, with what has still to be given.
local function print_next(shown)
    local words = {shown.procedure}
    words[2] = not shown.target.namespace and "-n NAMESPACE" or nil
    for _, param in ipairs(shown.params) do
        if param.required and not param.value then
            words[#words + 1] = "-p " .. param.name .. "=" .. param.type:upper()
        end
    end
    print("plan it, then run it; the options of this command hold there, too")
    for _, verb in ipairs({"plan", "run"}) do
        line("  salvor %s %s", verb, table.concat(words, " "))
    end
end

local function print_text(shown)
    line("%s: %s", shown.procedure, shown.title)
    line("%s", shown.summary)
    if shown.document then
        line("document: %s", shown.document)
    end
    for _, system in ipairs(shown.systems) do
        line("for: %s %s", system.name, system.versions)
    end
    line("categories: %s", table.concat(shown.categories, ", "))
    line("script: %s", shown.script.source)
    if shown.site then
        line("site: %s%s", shown.site.name or shown.site.files[1],
            shown.site.production and ", PRODUCTION" or "")
    end
    for _, note in ipairs(shown.script.notes) do
        line("%s", note)
    end
    local width = width_of(shown)
    print("parameters")
    for _, param in ipairs(shown.params) do
        print_parameter(param, width)
    end
    for _, unused in ipairs(shown.unused) do
        row(width, unused.name, "is not one of this procedure's  [%s]", unused.source)
    end
    print_target(shown.target, width)
    print("steps")
    for _, step in ipairs(shown.steps) do
        row(width, step.step, "%s%s%s", step.title, step.check and " (check)" or step.destructive
            and " (destroys something: asks)" or "", hooks.mark(step))
        row(width, "", "%s", step.why)
    end
    print("permissions")
    for _, permission in ipairs(shown.permissions) do
        local where = permission.namespace == "" and ", of the whole cluster"
            or permission.namespace and ", in namespace " .. permission.namespace or ""
        local names = permission.names and " (" .. table.concat(permission.names, ", ") .. ")" or ""
        line("  %s: %s%s%s%s", permission.kind, table.concat(permission.verbs, ", "), names, where,
            permission.elsewhere and ", elsewhere too" or "")
    end
    print_next(shown)
end

return {
    summary = "a procedure: its parameters, steps and permissions, and who gives each value",
    usage = "salvor show ID [--site FILE] [-p NAME=VALUE] [--output text|json]",
    arguments = {"ID"},
    options = command.options,
    run = function(given, words)
        local options, as_json = command.engine_options(given)
        options.incomplete = true
        local shown = description(session.prepare(words[1], options))
        if as_json then
            io.stdout:write(json_text(shown))
        else
            print_text(shown)
        end
        return 0
    end,
}
