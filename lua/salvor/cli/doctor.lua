--- salvor doctor: whether all that procedures rely on is there.
local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local copy = require("salvor.copy")
local doctor = require("salvor.doctor")
local errors = require("salvor.error")
local identity = require("salvor.doctor.identity")
local k8s = require("salvor.k8s")
local kubeconfig = require("salvor.doctor.kubeconfig")
local loader = require("salvor.procedure.loader")
local procedure = require("salvor.doctor.procedures")
local report = require("salvor.doctor.report")
local server = require("salvor.doctor.server")
local settings = require("salvor.procedure.settings")
local site = require("salvor.procedure.site")
local store = require("salvor.doctor.stores")
local targets = require("salvor.procedure.targets")
local terminal = require("salvor.terminal")
local tools = require("salvor.doctor.tools")
local ui = require("salvor.ui")

local TIMEOUT = 10

local function seconds(given)
    local number = tonumber(given.timeout or TIMEOUT)
    if not number or number <= 0 or number > 3600 then
        error(errors.new({code = "Usage", message = "--timeout is a number of seconds, not '"
            .. given.timeout .. "'"}), 0)
    end
    return number
end

local function add(list, more)
    table.move(more, 1, #more, #list + 1, list)
end

--- The checks of one context, and of the procedures on it; the check of who we are there.
local function add_cluster(checks, subject, procedures)
    local context = kubeconfig.context(subject)
    local credentials = kubeconfig.credentials(subject, context)
    local connection = server.connection(subject, context)
    local tls = server.tls(subject, connection)
    local who = identity(subject, tls, credentials)
    local kinds = server.kinds(subject, who)
    add(checks, {context, credentials, connection, tls})
    add(checks, server.rest(subject, tls, who))
    add(checks, {kinds, who})
    for _, id in ipairs(procedures.ids) do
        add(checks, {procedure(id, subject, kinds, copy.merge(subject.options,
            {is_wanted = procedures.are_wanted}))})
    end
    return who
end

--- The contexts that are named, each {name, timeout, target, options}; `name` only where there are
--- several, `options` as the engine takes them.
local function subjects_of(given, of, timeout)
    local named = targets.read({context = given.context, site = {given.site}})
    local subjects = {}
    for index, target in ipairs(named) do
        local options = copy.merge(command.target_options(given), target.options)
        subjects[index] = {
            name = named[2] and target.name or nil,
            timeout = timeout,
            target = settings.target("", of, options),
            options = options,
        }
    end
    return subjects
end

local function checks_of(given, timeout)
    local of = site.open(given.site)
    loader.check_site(of)
    local subjects = subjects_of(given, of, timeout)
    local procedures = {ids = given.procedure or loader.ids(of),
                        are_wanted = given.procedure ~= nil}
    for _, id in ipairs(procedures.ids) do
        loader.find(id, of)
    end
    of.connect = function()
        return must(k8s.connect(copy.merge(subjects[1].target, {timeout = timeout})))
    end
    local checks, first = {kubeconfig.files(subjects[1].target.kubeconfig)}, nil
    for _, subject in ipairs(subjects) do
        local who = add_cluster(checks, subject, procedures)
        first = first or who
    end
    for _, name in ipairs(site.store_names(of)) do
        add(checks, {store("@" .. name, of, first)})
    end
    for _, url in ipairs(given.store or {}) do
        add(checks, {store(url, of, first)})
    end
    add(checks, tools.checks(procedures.ids, copy.merge(subjects[1].options, {incomplete = true})))
    add(checks, require("salvor.doctor.terminal")())
    return checks
end

--- What is waited for, while it lasts.
local function show_progress()
    if not terminal.is_terminal("stderr") then
        return function() end
    end
    local status = ui.status()
    return function(waiting)
        local names = {}
        for index, check in ipairs(waiting) do
            if check.asks and check.asks() then
                return status:finish() -- the terminal is for who asks
            end
            names[index] = check.name
        end
        status:update("waiting for " .. table.concat(names, ", "))
    end, status
end

return {
    summary = "whether all is there that procedures rely on: cluster, rights, stores, terminal",
    usage = "salvor doctor [--context NAME[,NAME...]] [--site FILE] [--store URL]"
        .. " [--procedure ID] [--output text|json]",
    options = {
        {name = "context", argument = "NAME[,NAME...]", help = "the contexts of the kubeconfig"},
        {name = "kubeconfig", argument = "FILE",
         help = "instead of $KUBECONFIG and ~/.kube/config"},
        {name = "namespace", short = "n", argument = "NAME", help = "the target namespace"},
        command.SITE,
        {name = "store", argument = "URL", repeated = true,
         help = "a store to look at, besides those of the site"},
        {name = "procedure", argument = "ID", repeated = true,
         help = "the procedure that is meant to run; else all of them"},
        {name = "timeout", argument = "SECONDS", help = "for each look; " .. TIMEOUT},
        command.OUTPUT,
    },
    run = function(given)
        local as_json, timeout = command.is_json(given), seconds(given)
        local checks = checks_of(given, timeout)
        local progress, status <close> = show_progress()
        local results = doctor.run(checks, {timeout = timeout, progress = progress})
        if status then
            status:finish()
        end
        if as_json then
            report.print_json(results)
        else
            report.print(results)
        end
        return report.is_ok(results) and cli.exit.done or cli.exit.failed
    end,
}
