local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local deploy = require("salvor.procedure.deploy")
local k8s = require("salvor.k8s")
local manifest = require("salvor.procedure.manifest")
local merge = require("salvor.copy").merge
local offline = require("salvor.procedure.offline")
local schedule_problem = require("salvor.procedure.schedule")
local usage = require("salvor.usage")

local is_name = require("salvor.procedure.params").types.name

--- "NAME=SECRET/KEY" texts -> {NAME = {name = "SECRET", key = "KEY"}}
local function secrets_of(words)
    local secrets = {}
    for _, word in ipairs(words or {}) do
        local param, name, key = word:match("^([%w_]+)=([^/]+)/([%w._-]+)$")
        if not param or not is_name(name) then
            usage("'" .. word .. "' names no key of a Secret", "write --secret NAME=SECRET/KEY")
        end
        secrets[param] = {name = name, key = key}
    end
    return secrets
end

local function check_schedule(schedule)
    local problem = schedule and schedule_problem(schedule)
    if problem then
        usage("'" .. schedule .. "' is no schedule: " .. problem, "five fields as cron has them,"
            .. " such as '30 3 * * *' for half past three, or @daily")
    end
    return schedule
end

-- Seconds to ask the cluster in; what is printed can be had without it.
local PATIENCE = 5

--- The API version of CronJobs: the newest that the cluster has, or that its version has.
local function cron_version(kubernetes, target)
    if kubernetes then
        local minor = tonumber(kubernetes:match("^v?1%.(%d+)"))
        if not minor then
            usage("'" .. kubernetes .. "' is no version of Kubernetes", "write --kubernetes 1.20")
        end
        return minor >= 21 and "batch/v1" or "batch/v1beta1"
    end
    local client, err = k8s.connect(merge(target, {timeout = PATIENCE}))
    local kind
    if client then
        kind, err = client:kind("cronjobs.batch")
    end
    if not kind then
        cli.complain("the CronJob is for Kubernetes 1.21 and later; --kubernetes 1.20 makes one for"
            .. " an older cluster, which this one could not be asked about: " .. err.message)
    end
    return kind and kind.api_version or "batch/v1"
end

--- The name of an object that an option gives.
local function name_of(given, option)
    local name = given[option]
    if name and not is_name(name) then
        usage("'" .. name .. "' is no Kubernetes name", "see --" .. option:gsub("_", "-"))
    end
    return name
end

local function names_of(given, option)
    local names = {}
    for index, name in ipairs(given[option] or {}) do
        names[index] = name_of({[option] = name}, option)
    end
    return names
end

return {
    summary = "what runs a procedure inside the cluster, for kubectl apply",
    usage = "salvor deploy ID --image IMAGE [--schedule CRON] [-p NAME=VALUE]"
        .. " [--secret NAME=SECRET/KEY] [-n NAMESPACE] [--output yaml|json]",
    arguments = {"ID"},
    options = manifest.options({
        {name = "image", argument = "IMAGE", help = "the image of Salvor"},
        {name = "schedule", argument = "CRON", help = "a CronJob; without it a Job, at once"},
        {name = "kubernetes", argument = "VERSION",
         help = "the version that the CronJob is for; else the cluster is asked"},
        {name = "secret", argument = "NAME=SECRET/KEY", repeated = true,
         help = "a secret parameter, from a Secret of the namespace"},
        {name = "env-from", argument = "SECRET", repeated = true,
         help = "all its keys as variables, such as the credentials of a store"},
        {name = "state-claim", argument = "PVC",
         help = "keeps " .. deploy.STATE .. ", which else is lost with the pod"},
        {name = "name", argument = "NAME", help = "of the objects; by the procedure's id"},
        {name = "pull-secret", argument = "NAME", help = "the Secret of the image's registry"},
        {name = "yes", help = "yes to every destructive step"},
    }),
    run = function(given, words)
        local as_json = command.is_json(given)
        if not given.image or not given.image:find("^%S+$") then
            usage("which image?", "add --image IMAGE; make image, in the sources of"
                .. " Salvor, makes one")
        elseif given.kubernetes and not given.schedule then
            usage("--kubernetes is about CronJobs", "add --schedule CRON, or leave it out")
        end
        local opened = offline.open(words[1], command.target_options(given))
        local objects, notes = deploy.objects(opened, {
            name = name_of(given, "name") or offline.name(words[1]),
            image = given.image,
            secrets = secrets_of(given.secret),
            env_from = names_of(given, "env_from"),
            schedule = check_schedule(given.schedule),
            cron_version = given.schedule and cron_version(given.kubernetes, opened.target),
            state_claim = name_of(given, "state_claim"),
            pull_secret = name_of(given, "pull_secret"),
            yes = given.yes,
        })
        for _, note in ipairs(notes) do
            cli.complain(note)
        end
        manifest.print(objects, as_json)
        return cli.exit.done
    end,
}
