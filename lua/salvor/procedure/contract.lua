--- What a procedure script returns, field by field. docs/guide.md describes it for authors.
local errors = require("salvor.error")
local keys = require("salvor").keys
local merge = require("salvor.copy").merge
local params = require("salvor.procedure.params")
local permissions = require("salvor.procedure.permissions")
local suggest = require("salvor.suggest")

local contract = {}

local CATEGORIES = {prepare = true, backup = true, restore = true, check = true,
                    destructive = true, safe = true}

local SYSTEM = {name = {"string", required = true}, versions = {"string", required = true}}

--- Each: the Lua type (or types), whether it must be there.
local PROCEDURE = {
    id = {"string", required = true},
    title = {"string", required = true},
    summary = {"string", required = true},
    document = {"string"},
    systems = {"table", required = true},
    categories = {"table", required = true},
    params = {"table", required = true},
    permissions = {"table", required = true},
    steps = {"table", required = true},
    elsewhere = {"function"},
    next = {"function"},
}

local PARAM = {
    name = {"string", required = true},
    type = {"string", required = true},
    help = {"string", required = true},
    default = {"string", "number", "boolean"},
    required = {"boolean"},
    values = {"table"},
}

local PERMISSION = {
    kind = {"string", "function", required = true},
    verbs = {"table", required = true},
    namespace = {"string", "function"},
    names = {"table", "function"},
    elsewhere = {"boolean"},
    when = {"function"},
}

local STEP = {
    id = {"string", required = true},
    title = {"string", required = true},
    why = {"string", required = true},
    check = {"boolean"},
    needs = {"table"},
    when = {"function"},
    done = {"function"},
    run = {"function", required = true},
    verify = {"function"},
    undo = {"function"},
    destructive = {"function", "string"},
    timeout = {"number"},
    retry = {"number"},
}

--- What each table may hold, for whoever describes it.
contract.fields = {procedure = PROCEDURE, system = SYSTEM, param = PARAM, permission = PERMISSION,
                   step = STEP}

--- hint: how it begins, if there is more to say than where the fields are described.
local function invalid(source, where, problem, hint)
    error(errors.new({
        code = "InvalidScript",
        message = source .. ": " .. where .. ": " .. problem,
        hint = (hint or "") .. "the contract of a procedure is in the guide, section \"Writing a"
            .. " procedure\", and in salvor manual salvor-api",
    }), 0)
end

local function has_type(value, types)
    for _, name in ipairs(types) do
        if type(value) == name then
            return true
        end
    end
end

local function check_fields(source, where, given, fields)
    if type(given) ~= "table" then
        invalid(source, where, "a table expected, got " .. type(given))
    end
    for name in pairs(given) do
        if not fields[name] then
            invalid(source, where .. "." .. tostring(name), "unknown field",
                suggest.begin(name, keys(fields)))
        end
    end
    for name, rule in pairs(fields) do
        local value = given[name]
        if value == nil and rule.required then
            invalid(source, where .. "." .. name, "missing")
        elseif value ~= nil and not has_type(value, rule) then
            invalid(source, where .. "." .. name,
                table.concat(rule, " or ") .. " expected, got " .. type(value))
        end
    end
end

local function check_default(source, where, declaration)
    if declaration.default == nil then
        return
    elseif declaration.type == "secret" then
        invalid(source, where .. ".default", "a secret does not stand in a script")
    elseif declaration.required then
        invalid(source, where .. ".default", "what is required has none")
    end
    local _, err = params.resolve({declaration}, {})
    if err then
        invalid(source, where .. ".default", err.message .. ", " .. err.hint)
    end
end

local function check_param(source, where, declaration, seen)
    check_fields(source, where, declaration, PARAM)
    if not params.types[declaration.type] then
        invalid(source, where .. ".type", "unknown type '" .. declaration.type .. "'")
    elseif not declaration.name:match("^%l[%l%d_]*$") then
        invalid(source, where .. ".name", "'" .. declaration.name .. "' is not of a-z, 0-9 and '_'")
    end
    if (declaration.type == "enum") ~= (declaration.values ~= nil) then
        invalid(source, where .. ".values", "an enum, and only an enum, lists its values")
    elseif seen[declaration.name] then
        invalid(source, where .. ".name", "'" .. declaration.name .. "' stands there twice")
    end
    seen[declaration.name] = true
    check_default(source, where, declaration)
end

-- What a request creates or deletes as a whole collection bears no name that could be asked for.
local NAMELESS = {create = true, deletecollection = true}

local function check_permission(source, where, permission)
    check_fields(source, where, permission, PERMISSION)
    local parsed, problem = {}, nil
    if type(permission.kind) == "string" then
        parsed, problem = permissions.parse(permission.kind)
    end
    if not parsed then
        invalid(source, where .. ".kind", problem)
    elseif not permission.verbs[1] then
        invalid(source, where .. ".verbs", "no verb")
    end
    for _, verb in ipairs(permission.verbs) do
        if not permissions.VERBS[verb] then
            invalid(source, where .. ".verbs", "unknown verb '" .. tostring(verb) .. "'")
        elseif permission.names and NAMELESS[verb] and not parsed.subresource then
            invalid(source, where .. ".names", "'" .. verb .. "' is not allowed by name")
        end
    end
end

--- What only weaving gives a step (salvor.procedure.hooks).
local WOVEN_STEP = merge(STEP, {origin = {"table"}})

local function check_step(source, where, step, seen, fields)
    check_fields(source, where, step, fields)
    if not step.id:match("^[%l%d][%l%d-]*$") then
        invalid(source, where .. ".id", "'" .. step.id .. "' is not of a-z, 0-9 and '-'")
    elseif seen[step.id] then
        invalid(source, where .. ".id", "'" .. step.id .. "' stands there twice")
    elseif step.id == permissions.CHECK then
        invalid(source, where .. ".id", "'" .. step.id .. "' is a check of the engine's own")
    end
    for _, needed in ipairs(step.needs or {}) do
        if not seen[needed] then
            invalid(source, where .. ".needs",
                "no step '" .. tostring(needed) .. "' before this one")
        end
    end
    if step.check and step.destructive then
        invalid(source, where .. ".destructive", "a check changes nothing")
    elseif (step.timeout or 1) <= 0 then
        invalid(source, where .. ".timeout", "is a number of seconds above 0")
    elseif not math.tointeger(step.retry or 0) or (step.retry or 0) < 0 then
        invalid(source, where .. ".retry", "is a whole number from 0")
    end
    seen[step.id] = step
end

local function check_each(source, name, list, check)
    for index, item in ipairs(list) do
        check(source, name .. "[" .. index .. "]", item)
    end
end

--- Where a step stands; one of a hook is named by the hook's file.
local function place_of(source, where, step)
    local origin = type(step) == "table" and step.origin
    if type(origin) == "table" and origin.file then
        return origin.file, "step '" .. tostring(step.id) .. "'"
    end
    return source, where
end

local function check_steps(procedure, script, fields)
    local seen, changing = {}, nil
    check_each(script, "steps", procedure.steps, function(_, index, step)
        local source, where = place_of(script, index, step)
        check_step(source, where, step, seen, fields)
        if step.check and changing then
            invalid(source, where .. ".check", "checks come before the first change ('"
                .. changing .. "')")
        end
        changing = changing or (not step.check and step.id) or nil
    end)
    if not next(seen) then
        invalid(script, "procedure.steps", "no step")
    end
end

--- What the categories promise to whoever chooses a procedure by them.
local function check_categories(procedure, source)
    local given = {}
    for _, category in ipairs(procedure.categories) do
        if not CATEGORIES[category] then
            invalid(source, "procedure.categories",
                "unknown category '" .. tostring(category) .. "'")
        end
        given[category] = true
    end
    for index, step in ipairs(procedure.steps) do
        if given.safe and type(step) == "table" and step.destructive then
            invalid(source, "steps[" .. index .. "].destructive",
                "the procedure's categories say that it is safe")
        elseif given.check and type(step) == "table" and not step.check then
            invalid(source, "steps[" .. index .. "].check",
                "the procedure's categories say that it only checks")
        end
    end
end

--- check_permissions(list, source): raises InvalidScript, as check() does.
function contract.check_permissions(list, source)
    check_each(source, "permissions", list, function(_, where, permission)
        check_permission(source, where, permission)
    end)
end

--- check(procedure, id, source): raises an error object InvalidScript that names file and field.
function contract.check(procedure, id, source)
    check_fields(source, "procedure", procedure, PROCEDURE)
    if procedure.id ~= id then
        invalid(source, "procedure.id", "is '" .. procedure.id .. "', the file's place says '"
            .. id .. "'")
    end
    check_categories(procedure, source)
    check_each(source, "systems", procedure.systems, function(_, where, system)
        check_fields(source, where, system, SYSTEM)
    end)
    local names = {}
    check_each(source, "params", procedure.params, function(_, where, declaration)
        check_param(source, where, declaration, names)
    end)
    contract.check_permissions(procedure.permissions, source)
    check_steps(procedure, source, STEP)
    return procedure
end

--- check_woven(procedure, source): the steps of a procedure that had been checked, with those of
--- hooks among them.
function contract.check_woven(procedure, source)
    check_steps(procedure, source, WOVEN_STEP)
end

return contract
