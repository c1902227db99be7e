--- A fresh installation of API Connect v2018's management subsystem, from a copy of its project in
--- which nothing but the registry is changed.
local cassandra = require("salvor.apiconnect.v2018.cassandra")
local fs = require("salvor.fs")
local known = require("salvor.apiconnect.v2018.known")
local programs = require("salvor.apiconnect.v2018.programs")
local project = require("salvor.apiconnect.v2018.project")

local installation = {}

--- Copies the project without what `apicup subsys install --out` wrote.
function installation.copy(ctx)
    local from, to = ctx.params.project, ctx.params.workspace
    ctx:perform({
        verb = "copy",
        target = from .. " to " .. to,
        run = function()
            local is_output = project.is_output(ctx.params.output_folders or {})
            return project.copy(from, to, is_output, ctx.run)
        end,
        summary = function(count)
            return {entries = count}
        end,
    })
end

--- A check has seen before that there was nothing: what is there now was made by this run.
function installation.is_copied(ctx)
    return fs.stat(ctx.params.workspace) ~= nil
end

local function subsystems(ctx)
    local folder = installation.is_copied(ctx) and ctx.params.workspace or ctx.params.project
    return must(project.load(folder)).subsystems
end

local SETTINGS = {
    {name = "registry", param = "registry", field = "registry"},
    {name = "registry-secret", param = "registry_secret", field = "registry_secret"},
}

--- The settings that are wanted and not so yet, {subsystem, name, value}, of all subsystems.
local function missing_settings(ctx)
    local missing = {}
    for _, subsystem in ipairs(subsystems(ctx)) do
        for _, setting in ipairs(SETTINGS) do
            local value = ctx.params[setting.param]
            if value and subsystem[setting.field] ~= value then
                missing[#missing + 1] = {subsystem.name, setting.name, value}
            end
        end
    end
    return missing
end

function installation.set_registry(ctx)
    for _, setting in ipairs(missing_settings(ctx)) do
        programs.apicup(ctx, {"subsys", "set", table.unpack(setting)},
            {timeout = ctx.params.job_timeout})
    end
end

function installation.is_registry_set(ctx)
    return missing_settings(ctx)[1] == nil
end

--- The name of the new database, known once it is installed.
local function await_cluster(ctx)
    local found = must(ctx.k8s:wait(cassandra.KIND, nil, {
        field_selector = "metadata.namespace=" .. ctx.namespace,
        create = true,
        timeout = ctx.params.install_timeout,
        ready = function()
            return true
        end,
    }))
    return found[1].metadata.name
end

--- As many pods as there are files: with fewer the wait ends in vain and names them.
local function await_pods(ctx)
    local names = {}
    for index = 0, known(ctx, "count") - 1 do
        names[#names + 1] = known(ctx, "cluster") .. "-" .. index
    end
    must(ctx.k8s:wait("pods", names, {create = true, timeout = ctx.params.install_timeout,
                                      stall = ctx.params.stall}))
end

--- facts.cluster is the new CassandraCluster, whose pods are all ready.
function installation.install(ctx)
    programs.apicup(ctx, {"subsys", "install", known(ctx, "subsystem")},
        {timeout = ctx.params.install_timeout})
    if ctx.planning then
        return ctx:perform({verb = "wait for", target = known(ctx, "count") .. " Cassandra pods"})
    end
    ctx.facts.cluster = await_cluster(ctx)
    await_pods(ctx)
end

return installation
