--- Which targets the options name: one, or several contexts of the kubeconfig, or several sites.
local fs = require("salvor.fs")
local site = require("salvor.procedure.site")
local ui = require("salvor.ui")
local usage = require("salvor.usage")

local targets = {}

local PARALLEL = 4

-- Options that are about one run.
local ALONE = {"resume", "undo", "plan", "save"}

targets.options = {
    {name = "context", argument = "CONTEXT[,CONTEXT...]",
     help = "the context of the kubeconfig; several are worked on at the same time"},
    {name = "site", argument = "FILE", repeated = true,
     help = "the site file; several are worked on at the same time"},
    {name = "parallel", argument = "N", help = "how many targets at the same time; " .. PARALLEL},
}

--- extend(options) -> the list with those of several targets in the place of those of one
function targets.extend(options)
    local own, all = {}, {}
    for _, option in ipairs(targets.options) do
        own[option.name] = option
    end
    for _, option in ipairs(options) do
        all[#all + 1] = own[option.name] or option
        own[option.name] = nil
    end
    for _, option in ipairs(targets.options) do
        all[#all + 1] = own[option.name]
    end
    return all
end

--- "a,b" -> {"a", "b"}. What is empty is a variable that was not set, and no reason to work on the
--- other ones, or on the kubeconfig's own.
local function split(text)
    local words = {}
    for word in (text and text .. "," or ""):gmatch("([^,]*),") do
        if word == "" then
            usage("--context '" .. text .. "' has a name that is empty", "name each context")
        end
        words[#words + 1] = word
    end
    return words
end

--- What a site is called in a table; a file with a mistake goes by its own name.
local function site_name(path)
    local ok, opened = pcall(site.open, path)
    local identity = ok and site.identity(opened)
    local name = identity and identity.name
    return name and name ~= identity.file and name or fs.basename(path)
end

local function check_names(found)
    local seen = {}
    for _, target in ipairs(found) do
        if seen[target.name] then
            usage("target '" .. target.name .. "' is named twice", target.options.site
                and "each site file needs a name of its own" or nil)
        end
        seen[target.name] = true
    end
end

local function check_alone(given)
    for _, name in ipairs(ALONE) do
        if given[name] then
            usage("--" .. name .. " is about one target", "name one context or site")
        end
    end
end

--- read(given) -> list of {name, options}: what to put over the engine's options for each target.
--- Raises Usage.
function targets.read(given)
    local contexts, sites, found = split(given.context), given.site or {}, {}
    if #contexts > 1 and #sites > 1 then
        usage("several contexts and several sites", "a site names its context")
    elseif #sites > 1 then
        for index, path in ipairs(sites) do
            found[index] = {name = site_name(path), options = {site = path}}
        end
    else
        for index, context in ipairs(contexts) do
            found[index] = {name = context, options = {context = context, site = sites[1]}}
        end
        found[1] = found[1] or {name = "", options = {site = sites[1]}}
    end
    for _, target in ipairs(found) do
        target.name = ui.escape(target.name)
    end
    if #found > 1 then
        check_alone(given)
    end
    check_names(found)
    return found
end

--- How many targets are worked on at the same time; raises Usage.
function targets.parallel(given)
    local count = math.tointeger(tonumber(given.parallel or PARALLEL))
    if not count or count < 1 then
        usage("--parallel is a number from 1, not '" .. given.parallel .. "'")
    end
    return count
end

return targets
