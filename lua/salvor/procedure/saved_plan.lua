--- A plan that was saved: written, read, and held against the same plan made anew.
local copy = require("salvor.copy")
local differences = require("salvor.procedure.plan_differences")
local document = require("salvor.procedure.plan_document")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local json = require("salvor.json")
local plan_procedure = require("salvor.procedure.plan")
local salvor = require("salvor")

local saved_plan = {}

local LIMIT = 64 << 20 -- bytes of a plan's file

local function refuse(code, message, hint)
    error(errors.new({code = code, op = "plan", message = message, hint = hint}), 0)
end

--- Writes the document, readable by its owner only. Raises when it cannot be run.
function saved_plan.save(made, path)
    if made.failed then
        refuse("Preflight", "a plan that failed is not saved: " .. path .. " is not written",
            "mend what is wrong and plan again")
    end
    local ok, err = fs.write(path, document.text(made))
    if not ok then
        refuse(err.code, "the plan cannot be saved: " .. err.message)
    end
end

--- Whether `value` is of that shape: the name of a type, {shape} for a list, or fields by name,
--- where "?" before a type is one that may be missing.
local function fits(value, shape)
    if type(shape) == "string" then
        return shape:sub(1, 1) == "?" and value == nil or type(value) == shape:gsub("^%?", "")
    elseif type(value) ~= "table" then
        return false
    elseif shape[1] then
        for _, item in ipairs(value) do
            if not fits(item, shape[1]) then
                return false
            end
        end
        return true
    end
    for name, of in pairs(shape) do
        if not fits(value[name], of) then
            return false
        end
    end
    return true
end

local CHANGE = {op = "string", path = "string", before = "?string", after = "?string"}

local SHAPE = {
    digest = "string", procedure = "string", namespace = "string",
    params = "table", flow = "?table", elsewhere = "?table",
    cluster = {server = "string", context = "?string", uid = "?string"},
    script = {source = "string", sha256 = "string", digest = "?string"},
    steps = {{step = "string", status = "string",
              effects = {{verb = "string", target = "string", uid = "?string",
                           changes = {CHANGE}}}}},
}

local function check_shape(made, path)
    for _, name in ipairs(salvor.keys(SHAPE)) do
        if not fits(made[name], SHAPE[name]) then
            refuse("Corrupt", path .. " is no saved plan: its " .. name .. " is missing or wrong",
                "plan again with --save")
        end
    end
end

--- read(path) -> the document; raises when it cannot be read, is no plan, or was changed.
function saved_plan.read(path)
    local text, err = fs.read(path, {limit = LIMIT})
    if not text then
        error(err, 0)
    end
    local made, problem = json.decode(text)
    if type(made) ~= "table" or salvor.is_list(made) then
        refuse("Corrupt", path .. " is no saved plan"
            .. (problem and ": " .. problem.message or ""), "plan again with --save")
    elseif made.format ~= document.FORMAT then
        refuse("Corrupt", string.format("%s has format %s, this Salvor reads %d", path,
            tostring(made.format), document.FORMAT), "plan again with --save")
    end
    check_shape(made, path)
    if document.digest(made) ~= made.digest then
        refuse("Corrupt", path .. " was changed after it was saved: its digest does not fit",
            "plan again with --save")
    end
    return made
end

--- What a run is given besides the plan may only be what the plan does not say.
local function check_given(made, given)
    if given.namespace then
        refuse("Usage", "--plan goes without --namespace: the plan is for " .. made.namespace)
    end
    for name in pairs(given.params or {}) do
        if made.params[name] ~= nil then
            refuse("Usage", "parameter '" .. name .. "' stands in the plan",
                "only secret ones are given again")
        end
    end
end

--- options(document, given) -> the options of the engine for what the plan asks. `given`: secret
--- parameters; context, kubeconfig and site where they are others on this machine.
function saved_plan.options(made, given)
    check_given(made, given)
    local params = {}
    for name, text in pairs(made.params) do
        params[name] = tostring(text)
    end
    return copy.merge(given, made.flow, {
        params = copy.merge(params, given.params),
        namespace = made.namespace,
        context = given.context or made.cluster.context,
        kubeconfig = given.kubeconfig or made.kubeconfig,
        site = given.site or made.site,
        plan = {digest = made.digest, created = made.created},
    })
end

--- Plans anew and raises, before anything is changed, when the plan differs; the observer is told
--- as for any plan, `tell(line)` each difference.
function saved_plan.check(made, options, observer, tell)
    local now = document.make(plan_procedure(made.procedure, options, observer))
    if now.failed then
        refuse("Preflight", "the plan fails by now", "nothing was changed; plan again")
    end
    local lines = differences(made, now)
    for _, line in ipairs(lines) do
        tell(line)
    end
    if lines[1] then
        refuse("Preflight", "the plan does not hold any more: " .. lines[1]
            .. (#lines > 1 and " (and " .. #lines - 1 .. " more)" or ""),
            "nothing was changed; plan again with --save")
    end
end

return saved_plan
