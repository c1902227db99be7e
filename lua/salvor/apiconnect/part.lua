--- A part of a procedure that has steps of another one, or steps for two systems: each part has
--- facts and parameters of its own.
local errors = require("salvor.error")

local part = {}

local Part = {}

--- "-p kit=…" in a text, under the name that the parameter has in the whole.
local function renamed(text, rename)
    return text and (text:gsub("%-p '?([%w_]+)=", function(name)
        return "-p " .. (rename(name) or name) .. "="
    end))
end

function Part:problem(message, hint)
    self.whole:problem(message, renamed(hint, self.rename))
end

function Part:warn(message, hint)
    self.whole:warn(message, renamed(hint, self.rename))
end

--- An error as the whole procedure raises it.
function Part:translate(err)
    if errors.is(err) and err.hint then
        return errors.new({code = err.code, op = err.op, message = err.message, cause = err,
                           hint = renamed(err.hint, self.rename), retryable = err.retryable})
    end
    return err
end

local function same_name(name)
    return name
end

--- of(ctx, name, options) -> a ctx whose facts are ctx.facts[name]. options: params(whole, name) ->
--- the value of the part's parameter (the whole's of the same name when nil), rename(name) -> what
--- the part's parameter is called in the whole.
function part.of(ctx, name, options)
    options = options or {}
    local rename, value = options.rename or same_name, options.params
    ctx.facts[name] = ctx.facts[name] or {}
    local own = {
        whole = ctx,
        rename = rename,
        facts = ctx.facts[name],
        params = setmetatable({}, {__index = function(_, param)
            local given = value and value(ctx, param)
            if given ~= nil then
                return given
            end
            return ctx.params[rename(param) or param]
        end}),
    }
    return setmetatable(own, {__index = function(_, key)
        return Part[key] or ctx[key]
    end})
end

return part
