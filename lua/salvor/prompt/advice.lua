--- What whoever entered a text may have meant, where Lua's message alone does not tell: a word that
--- is misspelt, a call that gave nil and an error, a command of this shell or of another one.
local commands = require("salvor.prompt.commands")
local environment = require("salvor.prompt.environment")
local reference = require("salvor.reference")
local suggest = require("salvor.suggest")

local LEAVE = {exit = true, logout = true}
local KUBECTL = {kubectl = true, get = true, describe = true, logs = true, delete = true,
                 apply = true, exec = true, scale = true}

local function is_command(word)
    for _, name in ipairs(commands.names()) do
        if name == word then
            return true
        end
    end
    return false
end

--- Of a word, which commands of shells begin with, and the next one.
local function of_command(word, argument)
    if LEAVE[word] then
        return ":quit leaves, as does Ctrl-D"
    elseif is_command(word) then
        return "the command is :" .. word
    elseif KUBECTL[word] and argument ~= "" then
        return "what is entered is Lua, such as c:list(\"pods\"); :doc k8s tells more"
    end
end

local function variables()
    local names = table.move(environment.MODULES, 1, #environment.MODULES, 2, {"c"})
    for name in next, _G do
        names[#names + 1] = type(name) == "string" and name or nil
    end
    return names
end

--- The names of all functions, and the whole ones of those that are called `word`, of other values.
local function functions(word)
    local names, whole = {}, {}
    for index, entry in ipairs(reference.load().functions) do
        names[index] = entry.method
        whole[#whole + 1] = entry.method == word and entry.name:gsub("^client:", "c:") or nil
    end
    table.sort(whole)
    return names, whole
end

local function did_you_mean(word, words)
    local meant = suggest.word(word, words)
    return meant and "did you mean " .. meant .. "?"
end

local function did_you_mean_function(word)
    local names, whole = functions(word)
    return whole[1] and "did you mean " .. table.concat(whole, " or ") .. "?"
        or did_you_mean(word, names)
end

local advice = {}

--- Of a text that is no Lua.
function advice.of_text(text)
    local asked = text:match("^%s*([%a_][%w_.:]*)%s*%?+%s*$")
        or text:match("^%s*%?+%s*([%a_][%w_.:]*)%s*$")
    if asked then
        return ":help " .. asked .. " tells about it"
    end
    local word, argument = text:match("^%s*(%a+)%s+([%w/~_-]+)")
    return word and of_command(word, argument)
end

--- Of a text that is only a name, when no variable has it.
function advice.of_name(text)
    local name = text:match("^%s*(%a+)%s*$")
    local hint = name and of_command(name, "")
    return hint and rawget(_G, name) == nil and hint or nil
end

--- Of what Lua raised when the text was run.
function advice.of_problem(problem, text)
    local kind, name = problem:match("a nil value %((%a+) '([^']+)'%)")
    if kind == "global" then
        return of_command(name, "") or did_you_mean(name, variables())
    elseif kind then
        return problem:find("attempt to call", 1, true) and did_you_mean_function(name) or nil
    elseif problem:find("a nil value$") or problem:find("%(table expected, got nil%)$") then
        return "must(...) around a call raises the error that it gave"
    end
    local method = problem:match("%f[%w]k8s%.(%w+): ")
    local receiver = method and text:match("([%w_]+)%." .. method .. "%s*[%({\"']")
    return receiver and receiver ~= "k8s"
        and string.format("a method is called with a colon: %s:%s(...)", receiver, method) or nil
end

--- Of results that only a loop goes through, instead of them; nil of any others.
function advice.of_results(results, text)
    if results.n ~= 4 or type(results[1]) ~= "function" or results[2] ~= nil
        or results[3] ~= nil then
        return nil
    end
    local is_expression = not text:find("\n", 1, true) and load("return " .. text, "", "t")
    return string.format("a loop goes through it: for each in %s do ui.show(each) end",
        is_expression and text or "...")
end

return advice
