--- A part of a procedure that has steps of another one, or steps for two systems: each part has
--- facts and parameters of its own.
local errors = require("salvor.error")
local merge = require("salvor.copy").merge

local part = {}

local Part = {}

--- "-p kit=…" and "--skip dry-run" in a text, under the names that parameter and step have in the
--- whole; what the whole does not have can be said to the part's own procedure alone.
function Part:in_whole(text)
    if not text then
        return nil
    end
    text = text:gsub("%-p ('?)([%w_]+)", function(quote, param)
        local whole = self.rename(param)
        return (whole and "-p " or "salvor run " .. self.alone .. " -p ") .. quote
            .. (whole or param)
    end)
    return (text:gsub("(%-%-skip )([%w-]+)", function(option, step)
        return option .. self.step(step)
    end))
end

function Part:problem(message, hint)
    self.whole:problem(self:in_whole(message), self:in_whole(hint))
end

function Part:warn(message, hint)
    self.whole:warn(self:in_whole(message), self:in_whole(hint))
end

--- An error as the whole procedure raises it.
function Part:translate(err)
    if not errors.is(err) then
        return err
    end
    return errors.new({code = err.code, op = err.op, message = self:in_whole(err.message),
                       cause = err, hint = self:in_whole(err.hint), status = err.status,
                       retryable = err.retryable, details = err.details})
end

local function same_name(name)
    return name
end

--- of(ctx, name, options) -> a ctx whose facts are ctx.facts[name]. options: params(whole, name) ->
--- the value of the part's parameter (the whole's when nil), rename(name) -> what that is called in
--- the whole (nil: it has none; then `alone` is the id of the procedure that has), step(id) -> the
--- same of a step.
function part.of(ctx, name, options)
    options = options or {}
    local rename, value = options.rename or same_name, options.params
    ctx.facts[name] = ctx.facts[name] or {}
    local own = {
        whole = ctx,
        rename = rename,
        alone = options.alone,
        step = options.step or same_name,
        facts = ctx.facts[name],
        params = setmetatable({}, {__index = function(_, param)
            local given = value and value(ctx, param)
            if given ~= nil then
                return given
            end
            local whole = rename(param)
            return whole and ctx.params[whole]
        end}),
    }
    return setmetatable(own, {__index = function(_, key)
        return Part[key] or ctx[key]
    end})
end

--- The function of a step, done as that of the part.
local function wrapped(fn, name, options)
    if type(fn) ~= "function" then
        return fn
    end
    return function(ctx)
        local own = part.of(ctx, name, options)
        local ok, result = pcall(fn, own)
        if not ok then
            error(own:translate(result), 0)
        end
        return result
    end
end

local FUNCTIONS = {"when", "done", "run", "verify", "undo", "destructive"}

local function step_of(step, name, options)
    local copied = merge(step, {id = options.step(step.id), needs = {}})
    for _, field in ipairs(FUNCTIONS) do
        copied[field] = wrapped(step[field], name, options)
    end
    for index, needed in ipairs(step.needs or {}) do
        copied.needs[index] = options.step(needed)
    end
    return copied
end

--- A permission whose functions are given the whole's parameters.
local function permission_of(permission, declarations, rename)
    local function with_own(fn)
        return type(fn) == "function" and function(params)
            local own = {}
            for _, declaration in ipairs(declarations) do
                local whole = rename(declaration.name)
                local value = whole and params[whole]
                own[declaration.name] = value == nil and declaration.default or value
            end
            return fn(own)
        end or fn
    end
    return merge(permission, {when = with_own(permission.when), kind = with_own(permission.kind),
                              names = with_own(permission.names),
                              namespace = with_own(permission.namespace)})
end

--- embed(procedure, name, options) -> {params, permissions, steps (by their ids in the procedure)}
--- to be put into another procedure. Parameters and steps are called "name_param" and "name-step".
--- options: shared, a set of parameters that keep their names; given(ctx, param) -> a value of one
--- of those in the set `hidden`, which are no parameters of the whole.
function part.embed(procedure, name, options)
    local shared, hidden, names = options.shared or {}, options.hidden or {}, {}
    local function rename(param)
        return names[param] or not hidden[param] and param or nil
    end
    local function step_id(id)
        return name .. "-" .. id
    end
    local of = {rename = rename, params = options.given, step = step_id, alone = procedure.id}
    local result = {params = {}, permissions = {}, steps = {}}
    for _, declaration in ipairs(procedure.params) do
        local own = declaration.name
        if not hidden[own] then
            names[own] = shared[own] and own or name .. "_" .. own
            table.insert(result.params, merge(declaration, {name = names[own]}))
        end
    end
    for index, permission in ipairs(procedure.permissions) do
        result.permissions[index] = permission_of(permission, procedure.params, rename)
    end
    for _, step in ipairs(procedure.steps) do
        result.steps[step.id] = step_of(step, name, of)
    end
    return result
end

return part
