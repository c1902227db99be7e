--- salvor doctor: whether all that procedures rely on is there.
local checks = require("salvor.doctor.checks")
local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local doctor = require("salvor.doctor")
local report = require("salvor.doctor.report")
local targets = require("salvor.procedure.targets")
local terminal = require("salvor.terminal")
local ui = require("salvor.ui")
local usage = require("salvor.usage")

local TIMEOUT, LONGEST = 10, 3600 -- seconds

local function seconds(given)
    local number = tonumber(given.timeout or TIMEOUT)
    if not number or number <= 0 or number > LONGEST then
        usage("--timeout is a number of seconds up to " .. LONGEST .. ", not '" .. given.timeout
            .. "'")
    end
    return number
end

--- What is waited for, until somebody is asked, who has the terminal from then on.
local function show_progress()
    if not terminal.is_terminal("stderr") then
        return function() end
    end
    local status, yielded = ui.status(), false
    return function(going_on)
        local names = {}
        for index, check in ipairs(yielded and {} or going_on) do
            if check.asks and check.asks() then
                status:finish("a credential plugin may ask you something; Ctrl-C leaves")
                yielded = true
                return
            end
            names[index] = check.name
        end
        if names[1] then
            status:update("waiting for " .. table.concat(names, ", "))
        end
    end, status
end

return {
    summary = "whether all is there that procedures rely on: cluster, rights, stores, terminal",
    details = "It changes nothing, and ends with 1 when something is an error. What a procedure is"
        .. " not allowed is one when --procedure names it, else a warning.",
    usage = "salvor doctor [--context CONTEXT[,CONTEXT...]] [--site FILE] [--store URL]"
        .. " [--procedure ID] [--output text|json]",
    options = {
        {name = "context", argument = "CONTEXT[,CONTEXT...]",
         help = "the contexts of the kubeconfig"},
        {name = "kubeconfig", argument = "FILE",
         help = "instead of $KUBECONFIG and ~/.kube/config"},
        {name = "namespace", short = "n", argument = "NAMESPACE", help = "the target namespace"},
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
        local list = checks({
            targets = targets.read({context = given.context, site = {given.site}}),
            options = command.target_options(given),
            procedures = given.procedure,
            stores = given.store or {},
            timeout = timeout,
        })
        local progress, status <close> = show_progress()
        local results = doctor.run(list, {timeout = timeout, progress = progress})
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
