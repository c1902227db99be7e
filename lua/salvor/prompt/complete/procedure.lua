--- The words behind :plan and :run: ids, options, and parameters of the procedure, as commands and
--- scripts declare them.
local values = require("salvor.prompt.complete.values")

local procedure = {}

local function find_option(options, word)
    for _, option in ipairs(options) do
        if word == "--" .. option.name or option.short and word == "-" .. option.short then
            return option
        end
    end
end

--- What the words say: the id, the options that were given, and the one whose value comes next.
local function read(options, words)
    local said, option = {given = {}}, nil
    for _, word in ipairs(words) do
        if option then
            said.given[option.name] = word
            option = nil
        elseif word:sub(1, 1) == "-" then
            option = find_option(options, word)
            option = option and option.argument and option
        else
            said.id = said.id or word
        end
    end
    said.option = option
    return said
end

--- The procedure that the words name, or nil.
local function load(prompt, said)
    local loader = require("salvor.procedure.loader")
    local site = require("salvor.procedure.site")
    local ok, found = pcall(function()
        return (loader.load(said.id, site.open(said.given.site or prompt.target.site)))
    end)
    return ok and found or nil
end

-- What stands behind the "=" of a parameter of that type.
local BY_TYPE = {
    boolean = function()
        return values.items({"true", "false"})
    end,
    enum = function(declaration)
        return values.items(declaration.values)
    end,
    path = function(_, _, prefix)
        return values.files(prefix)
    end,
    url = function(_, prompt, prefix)
        return values.urls(prompt, prefix)
    end,
}

local function parameters(prompt, said, word)
    local found = load(prompt, said)
    local name, prefix = word:match("^([%w_]+)=(.*)$")
    local items = {}
    for index, declaration in ipairs(found and found.params or {}) do
        items[index] = {text = declaration.name .. "=", detail = declaration.help, is_part = true}
        if declaration.name == name and BY_TYPE[declaration.type] then
            items = BY_TYPE[declaration.type](declaration, prompt, prefix)
            for at, item in ipairs(items) do
                items[at] = {text = name .. "=" .. item.text, label = item.label or item.text,
                             is_part = item.is_part}
            end
            return items
        end
    end
    return items
end

local function steps(prompt, said)
    local found = load(prompt, said)
    local items = {}
    for index, step in ipairs(found and found.steps or {}) do
        items[index] = {text = step.id, detail = step.title}
    end
    return items
end

-- What an option's value is, by what the declaration calls it.
local BY_ARGUMENT = {
    ["NAME=VALUE"] = parameters,
    FILE = function(_, _, word)
        return values.files(word)
    end,
    STEP = steps,
    RUN = function()
        return values.items(require("salvor.procedure.runs").ids())
    end,
    ["NAME[,NAME...]"] = function(prompt)
        return values.contexts(prompt.target.kubeconfig)
    end,
}

local function value_of(option, prompt, said, word)
    if option.name == "namespace" then
        return prompt.cluster:names("namespaces")
    elseif BY_ARGUMENT[option.argument] then
        return BY_ARGUMENT[option.argument](prompt, said, word)
    end
    local choices = {}
    for choice in option.argument:gmatch("%f[%w]%l+") do
        choices[#choices + 1] = choice
    end
    return values.items(choices)
end

local function option_names(options)
    local items = {}
    for index, option in ipairs(options) do
        items[index] = {text = "--" .. option.name, detail = option.help}
    end
    return items
end

--- complete(name) -> what the command of that name offers for its words.
function procedure.complete(name)
    return function(prompt, words, word)
        if not words[1] and word:sub(1, 1) ~= "-" then
            return values.procedures(prompt.target.site)
        end
        local options = require("salvor.cli." .. name).options
        local said = read(options, words)
        if said.option then
            return value_of(said.option, prompt, said, word)
        elseif word:sub(1, 1) == "-" or said.id then
            return option_names(options)
        end
        return values.procedures(said.given.site or prompt.target.site)
    end
end

return procedure
