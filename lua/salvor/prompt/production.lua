--- Questions before writes to production, for salvor.guard.
local condition = require("salvor.condition")
local guard = require("salvor.guard")
local ui = require("salvor.ui")

local Production = {}
Production.__index = Production

local HINT = "salvor --write opens a session that may"

--- What was agreed to holds for one input.
function Production:forget()
    self.agreed, self.all = {}, false
end

--- Keeps others from asking until it is closed.
local function take_turn(self)
    while self.asking do
        self.changed:wait()
    end
    self.asking = true
    return setmetatable({}, {__close = function()
        self.asking = false
        self.changed:wake()
    end})
end

--- Whether this write may be done, by the operator's word. A write that is tried again, since
--- another one came before it, is still the same.
local function ask(self, write, place)
    local what = write.verb .. " " .. write.target
    local key = (place.context or "") .. "\0" .. what
    local turn <close> = take_turn(self) -- luacheck: ignore 211
    if self.agreed[key] or self.all and not write.begins then
        return true
    end
    local question = string.format("PRODUCTION%s: %s?", place.context and " " .. place.context
        or "", what)
    local answer, err = ui.choose(question, write.begins and {"yes", "no"} or {"yes", "no", "all"})
    if answer == nil then
        return nil, err.code == "Refused" and "it is production, and there is nobody to ask"
            or err.message, HINT
    elseif not answer or answer == "no" then
        return nil, "the operator said no"
    end
    self.agreed[key] = true
    self.all = self.all or answer == "all" or write.begins or false
    return true
end

--- From now on every write to production is asked about. What goes to no cluster counts as going to
--- where the prompt is.
function Production:install()
    guard.ask(function(write)
        local place = write.client or self.target:here()
        if not self.target:is_production(place) then
            return true
        end
        return ask(self, write, place)
    end)
end

local production = {}

--- new(target of salvor.prompt.target) -> questions
function production.new(target)
    return setmetatable({target = target, changed = condition.new(), asking = false,
                         agreed = {}, all = false}, Production)
end

return production
