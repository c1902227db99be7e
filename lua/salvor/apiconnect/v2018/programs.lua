--- The vendor's programs, as procedures call them: apicup in its project folder, apicops beside
--- kubectl, both on the cluster of the run.
local errors = require("salvor.error")
local harmless = require("salvor.k8s.harmless")
local k8s = require("salvor.k8s")
local proc = require("salvor.proc")
local secret = require("salvor.secret")
local tools = require("salvor.apiconnect.v2018.tools")

local programs = {}

local LONGEST = 300 -- characters of what a program complains of

--- The folder that apicup works in: in a disaster the copy of the project.
function programs.folder(ctx)
    return ctx.params.disaster and ctx.params.workspace or ctx.params.project
end

local function last_line(text)
    local line = ""
    for each in text:gmatch("[^\r\n]*%S[^\r\n]*") do
        line = each
    end
    return harmless(secret.mask(line)):sub(1, LONGEST)
end

--- Raises unless the program has succeeded. What it is for is `words`: arguments may be secret.
local function check(name, words, result, hint)
    if result.code ~= 0 then
        local complaint = last_line(result.stderr:find("%S") and result.stderr or result.stdout)
        error(errors.new({code = "Failed", op = name,
            message = string.format("%s %s: exit code %d%s", name, words, result.code,
                complaint ~= "" and ": " .. complaint or ""),
            hint = hint or "run it by hand to see all it says"}), 0)
    end
    return result
end

local function options_for(ctx, folder, options)
    return {cwd = folder, timeout = options.timeout, read_only = options.read_only,
            env = ctx.params.kubeconfig and {KUBECONFIG = ctx.params.kubeconfig} or nil}
end

--- apicup(ctx, words, options) -> result; raises unless it succeeds. options: timeout, read_only,
--- hint (what to do when it fails).
function programs.apicup(ctx, words, options)
    local argv = table.move(words, 1, #words, 2, {ctx.params.apicup})
    local text = table.concat(words, " ", 1, math.min(4, #words))
    return check("apicup", text,
        ctx:command(argv, options_for(ctx, programs.folder(ctx), options)), options.hint)
end

--- apicops(ctx, command, options) -> result; as apicup().
function programs.apicops(ctx, command, options)
    local argv = {ctx.params.apicops, command, "-n", ctx.namespace}
    return check("apicops", command, ctx:command(argv, options_for(ctx, nil, options)),
        options.hint)
end

--- What apicops says of stuck tasks; raises when it is not understood.
function programs.stuck_tasks(ctx, timeout)
    local result = programs.apicops(ctx, "task-queue:list-stuck-tasks",
        {timeout = timeout, read_only = true})
    local found = tools.stuck_tasks(result.stdout)
    if not found then
        error(errors.new({code = "Corrupt", op = "apicops",
            message = "the answer of apicops task-queue:list-stuck-tasks is not understood: "
                .. last_line(result.stdout), hint = "run it by hand: it must say that there are no"
                .. " stuck tasks of any kind"}), 0)
    end
    return found
end

--- Step: has apicops remove them, and asks it whether any is left.
function programs.fix_stuck_tasks(ctx)
    programs.apicops(ctx, "task-queue:fix-stuck-tasks", {timeout = ctx.params.install_timeout})
    if ctx.planning then
        return
    end
    local found = programs.stuck_tasks(ctx, ctx.params.job_timeout)
    if not found.is_empty then
        error(errors.new({code = "Failed",
            message = "tasks are still stuck: " .. table.concat(found.lines, "; "),
            hint = "see the vendor's page on troubleshooting, or ask its support"}), 0)
    end
end

-- Checks

local function check_present(ctx, name, what, hint)
    if not proc.which(name) then
        ctx:problem(what .. " is not there: " .. name, hint)
    end
end

--- The programs go by the current context of their kubeconfig, whatever the run goes by.
local function check_cluster(ctx)
    local hint = "give a kubeconfig whose current context is this cluster: -p kubeconfig=FILE"
    local other, err = k8s.connect({kubeconfig = ctx.params.kubeconfig})
    if not other then
        return ctx:problem("apicup and apicops have no cluster to work on: " .. err.message, hint)
    end
    local there <close> = other
    local here = ctx.k8s:get("namespaces", "kube-system")
    local found = here and there:get("namespaces", "kube-system")
    local is_same = there.server == ctx.k8s.server
    if here and found then
        is_same = here.metadata.uid == found.metadata.uid
    end
    if not is_same then
        ctx:problem(string.format("apicup and apicops would work on another cluster: context"
            .. " %s, %s", there.context or "(none)", there.server), hint)
    end
end

--- The check that they are there and mean this cluster. `with_apicops`: it is needed too.
function programs.check(ctx, with_apicops)
    check_present(ctx, ctx.params.apicup, "apicup",
        "put it on PATH, or name it with -p apicup=FILE; its version is that of the system")
    if with_apicops then
        check_present(ctx, ctx.params.apicops, "apicops",
            "download it from the vendor, put it on PATH or name it with -p apicops=FILE")
        check_present(ctx, os.getenv("APICOPS_K8SCLIENT") or "kubectl",
            "the client of Kubernetes that apicops calls",
            "install kubectl, or name another one in APICOPS_K8SCLIENT")
    end
    check_cluster(ctx)
end

return programs
