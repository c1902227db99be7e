--- Which checks there are, for the contexts, procedures and stores that are meant.
local catch = require("salvor.catch")
local copy = require("salvor.copy")
local identity = require("salvor.doctor.identity")
local k8s = require("salvor.k8s")
local kubeconfig = require("salvor.doctor.kubeconfig")
local loader = require("salvor.procedure.loader")
local rights = require("salvor.doctor.rights")
local server = require("salvor.doctor.server")
local settings = require("salvor.procedure.settings")
local site = require("salvor.procedure.site")
local store = require("salvor.doctor.store")
local terminal = require("salvor.doctor.terminal")
local tools = require("salvor.doctor.tools")

local function add(list, more)
    table.move(more, 1, #more, #list + 1, list)
end

--- Adds the checks of one cluster and of the procedures on it; the check of who we are there.
local function add_cluster(checks, subject, procedures, are_wanted)
    local context = kubeconfig.context(subject)
    local credentials = kubeconfig.credentials(subject, context)
    local connection = server.connection(subject, context)
    local tls = server.tls(subject, connection)
    local who = identity(subject, tls, credentials)
    local kinds = server.kinds(subject, who)
    add(checks, {context, credentials, connection, tls})
    add(checks, server.rest(subject, tls, who))
    add(checks, {kinds, who})
    for _, id in ipairs(procedures) do
        add(checks, {rights(id, subject, kinds, are_wanted)})
    end
    return who
end

--- What the checks of one cluster share: {name, timeout, target, options}, to which they add what
--- they find. `name` is that of its context where there are several.
local function subject_of(target, of, wanted, is_one_of_several)
    local options = copy.merge(wanted.options, target.options)
    return {
        name = is_one_of_several and target.name or nil,
        timeout = wanted.timeout,
        target = settings.target("", of, options),
        options = options,
    }
end

--- The check of the site's files, with what is wrong with them.
local function site_files(of, problem)
    return {group = "site", name = "files", run = function()
        if not of then
            return nil, problem
        end
        local paths = {}
        for index, layer in ipairs(of.layers) do
            paths[index] = layer.file.path
        end
        return "ok", paths[1] and table.concat(paths, ", ") or "none"
    end}
end

--- The site, whose files speak of nothing that there is not.
local function open_site(path)
    local of = site.open(path)
    loader.check_site(of)
    return of
end

--- The ids of the procedures to look at; raises Usage for one that there is not.
local function ids_of(wanted, of)
    for _, id in ipairs(wanted.procedures or {}) do
        loader.find(id, of)
    end
    return wanted.procedures or loader.ids(of)
end

--- Adds what goes by the site: the clusters, its stores, the programs of procedures.
local function add_of_site(checks, of, wanted)
    local procedures = ids_of(wanted, of)
    local first, first_identity
    for _, target in ipairs(wanted.targets) do
        local subject = subject_of(target, of, wanted, wanted.targets[2] ~= nil)
        if not first then
            first = subject
            add(checks, {kubeconfig.files(subject.target.kubeconfig)})
        end
        local who = add_cluster(checks, subject, procedures, wanted.procedures ~= nil)
        first_identity = first_identity or who
    end
    of.connect = function()
        return must(k8s.connect(copy.merge(first.target, {timeout = wanted.timeout})))
    end
    for _, name in ipairs(site.store_names(of)) do
        add(checks, {store("@" .. name, of, first_identity)})
    end
    for _, url in ipairs(wanted.stores) do
        add(checks, {store(url, of, first_identity)})
    end
    add(checks, tools.programs(procedures, copy.merge(first.options, {incomplete = true})))
end

--- checks(wanted) -> list, in the order in which they are told. Raises Usage.
---
---     targets      of salvor.procedure.targets
---     options      of session.open, for all of them
---     procedures   ids of those that are meant to run; nil: all that there are
---     stores       URLs, beside those of the site
---     timeout      seconds for each check
return function(wanted)
    local of, problem = catch(open_site, wanted.options.site)
    local checks = {site_files(of, problem)}
    if of then
        add_of_site(checks, of, wanted)
    end
    add(checks, tools.own())
    add(checks, terminal())
    return checks
end
