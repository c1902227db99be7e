--- Checks of what must be the same in an API Connect v2018 system that is recovered as in the old
--- one: versions, endpoints, project. Each takes the context of a procedure and tells it what is
--- wrong.
local fs = require("salvor.fs")
local known = require("salvor.apiconnect.v2018.known")
local project = require("salvor.apiconnect.v2018.project")
local record = require("salvor.apiconnect.v2018.record")
local salvor = require("salvor")
local task = require("salvor.task")

local checks = {}

local LOOKUP = 10 -- seconds for one name

--- Nobody can see from here whether it is so.
function checks.traffic(ctx)
    if ctx.params.disaster then
        ctx:warn("nobody may log in, change any settings or run apicup before the restore is done",
            "it must be the first thing that is done with the new subsystem")
    end
    if not ctx.params.traffic_stopped then
        ctx:problem("nobody has said that external traffic is stopped", "stop what reaches the"
            .. " endpoints from outside until all is restored, then add -p traffic_stopped=true")
    end
end

--- The operator's record, kept in facts.record.
function checks.record(ctx)
    local loaded, problems = record.load(ctx.params.record)
    if not loaded then
        return ctx:problem(problems.message, "record versions and endpoints of the old system; the"
            .. " procedure's page shows such a file")
    end
    for _, problem in ipairs(problems) do
        ctx:problem(table.unpack(problem))
    end
    for _, subsystem in ipairs(record.SUBSYSTEMS) do
        if not loaded.versions[subsystem] then
            ctx:warn("no " .. subsystem .. " subsystem is recorded",
                "that is right only when the old system had none")
        end
    end
    ctx.facts.record = loaded
end

--- All subsystems are at one version.
function checks.versions(ctx)
    local versions = known(ctx, "record").versions
    for _, subsystem in ipairs(record.SUBSYSTEMS) do
        local version = versions[subsystem]
        if version and not record.is_same_version(version, versions.management) then
            ctx:problem(string.format("the %s subsystem is at %s, the Management subsystem at %s",
                subsystem, version, versions.management),
                "bring the Gateway and all subsystems to one version before the restore")
        end
    end
end

-- The project

local function check_namespace(ctx, management)
    if not management.namespace then
        ctx:warn("the project does not say in which namespace " .. management.name .. " is")
    elseif management.namespace ~= ctx.namespace then
        ctx:problem(string.format("the project has subsystem %s in namespace %s, not in %s",
            management.name, management.namespace, ctx.namespace), "name that one with -n")
    end
end

--- apicup keeps certificates beside its definition; without them it would make new ones.
local function check_content(ctx, folder)
    local entries = project.list(folder, project.is_output(ctx.params.output_folders or {}))
    if #entries == 1 then
        ctx:warn("there is nothing in " .. folder .. " but " .. entries[1].path, "the project must"
            .. " be the original one, with its certificates: new ones would not match the backup")
    end
end

--- One that is not found would be installed again.
local function check_output_folders(ctx)
    for _, name in ipairs(project.unknown_outputs(ctx.params.project,
        ctx.params.output_folders or {})) do
        ctx:problem(ctx.params.project .. " has no folder " .. name .. " (output_folders)",
            "name output folders as they stand in the project: mgmt-out, or build/mgmt")
    end
end

--- The project is that of this system; facts.subsystem is its Management subsystem.
function checks.project(ctx)
    local loaded, err = project.load(ctx.params.project)
    local management
    if loaded then
        management, err = project.management(loaded, ctx.params.subsystem)
    end
    if not management then
        return ctx:problem(err.message, err.hint)
    end
    ctx.facts.subsystem = management.name
    ctx.facts.project_pods = management.cassandra_pods
    check_namespace(ctx, management)
    check_content(ctx, ctx.params.project)
    if ctx.params.disaster then
        check_output_folders(ctx)
    end
end

-- The new place of the project

local function is_inside(path, folder)
    return path == folder or path:sub(1, #folder + 1) == folder .. "/"
end

--- The copy of the project goes to where nothing is yet.
function checks.workspace(ctx)
    local workspace = ctx.params.workspace
    if not workspace then
        return ctx:problem("there is no new place for the project", "a fresh installation is made"
            .. " from a copy of the project: name a folder that does not exist, -p workspace=…")
    elseif is_inside(workspace, ctx.params.project) then
        ctx:problem(workspace .. " is in the project itself", "name a folder elsewhere")
    elseif fs.stat(workspace, {follow = false}) then
        ctx:problem(workspace .. " exists", "name a folder that does not: nothing is overwritten")
    end
end

--- Only settings of the registry may change.
function checks.registry(ctx)
    if (ctx.params.registry or ""):find("@", 1, true) then
        ctx:problem("the registry is named with a user or password", "give its place alone, and the"
            .. " name of the Secret with the credentials: -p registry_secret=…")
    end
    local name = ctx.params.registry_secret
    if not name then
        return
    end
    local found, err = ctx.k8s:get("secrets", name)
    if not found then
        ctx:problem("secret " .. name .. " (registry_secret): " .. err.message,
            "create it in namespace " .. ctx.namespace .. " first: kubectl create secret"
            .. " docker-registry " .. name .. " …")
    end
end

-- Endpoints

local function is_in_project(ctx, loaded, endpoint, hosts)
    local in_project = project.hosts(loaded, endpoint)
    for _, host in ipairs(hosts) do
        if not in_project[host:lower()] then
            local others = table.concat(salvor.keys(in_project), ", ")
            ctx:problem(string.format("endpoint %s was %s in the old system, and in the project it"
                .. " is %s", endpoint, host, others ~= "" and others or "not there"),
                "endpoints and certificates cannot change: give the original project")
        end
    end
end

--- The addresses of a host; nil when it has none, nil and an error when nobody can be asked.
local function look_up(ctx, host)
    local result = ctx:command({"getent", "ahosts", host}, {read_only = true, timeout = LOOKUP})
    local addresses, seen = {}, {}
    for address in result.stdout:gmatch("([%x.:]+)[^\n]*\n") do
        if not seen[address] then
            seen[address] = true
            addresses[#addresses + 1] = address
        end
    end
    return result.code == 0 and addresses[1] and addresses or nil
end

local function resolve(ctx, host)
    local ok, addresses = pcall(look_up, ctx, host)
    if ok then
        return {addresses = addresses}
    end
    return {err = addresses}
end

local function check_addresses(ctx, host, addresses)
    local wanted = {}
    for _, address in ipairs(ctx.params.addresses) do
        wanted[address] = true
    end
    for _, address in ipairs(addresses) do
        if not wanted[address] then
            ctx:problem(host .. " is " .. address .. " in DNS, which is none of addresses",
                "map the DNS entry to the cluster that is restored to")
        end
    end
end

local function note_address(ctx, endpoint, host, found)
    if found.err then
        return ctx:warn(host .. " (" .. endpoint .. ") was not looked up: "
            .. tostring(found.err.message or found.err),
            "compare DNS with the old system's by hand")
    elseif not found.addresses then
        return ctx:warn(host .. " (" .. endpoint .. ") is not known to DNS",
            "map it to the cluster that is restored to, or nobody reaches it")
    end
    ctx:note(string.format("%s %s: %s", endpoint, host, table.concat(found.addresses, ", ")))
    if ctx.params.addresses then
        check_addresses(ctx, host, found.addresses)
    end
end

--- The recorded endpoints, {endpoint, hosts, subsystem}, in the order of the document.
local function recorded(ctx)
    local list = {}
    for _, subsystem in ipairs(record.SUBSYSTEMS) do
        for _, endpoint in ipairs(record.ENDPOINTS[subsystem]) do
            local hosts = known(ctx, "record").endpoints[endpoint]
            if hosts then
                list[#list + 1] = {endpoint = endpoint, hosts = hosts, subsystem = subsystem}
            end
        end
    end
    return list
end

--- The endpoints are those of the old system, in the project; what DNS says of them is noted.
function checks.endpoints(ctx)
    local loaded, names = must(project.load(ctx.params.project)), {}
    for _, entry in ipairs(recorded(ctx)) do
        is_in_project(ctx, loaded, entry.endpoint, entry.hosts)
        for _, host in ipairs(entry.hosts) do
            names[#names + 1] = {entry.endpoint, host}
        end
    end
    local found = task.map(names, function(name)
        return resolve(ctx, name[2])
    end)
    for index, name in ipairs(names) do
        note_address(ctx, name[1], name[2], found[index])
    end
end

local function served_hosts(client)
    local hosts, ingresses, err = {}, client:list("ingresses.networking.k8s.io")
    if not ingresses then
        return nil, err
    end
    for _, ingress in ipairs(ingresses) do
        for _, rule in ipairs(salvor.dig(ingress, "spec", "rules") or {}) do
            if type(rule.host) == "string" then
                hosts[rule.host:lower()] = true
            end
        end
    end
    return hosts
end

--- The system that runs in the namespace serves the recorded endpoints.
function checks.served(ctx)
    local hosts, err = served_hosts(ctx.k8s)
    if not hosts or not next(hosts) then
        return ctx:warn("the endpoints of namespace " .. ctx.namespace .. " cannot be compared: "
            .. (err and err.message or "it has no Ingress with a host"),
            "compare them with the old system's by hand")
    end
    for _, entry in ipairs(recorded(ctx)) do
        for _, host in ipairs(entry.hosts) do
            local is_served = hosts[host:lower()]
            local words = string.format("%s (%s) is served by no Ingress in namespace %s", host,
                entry.endpoint, ctx.namespace)
            if not is_served and entry.subsystem == "management" then
                ctx:problem(words, "the endpoints must be those of the old system: install it with"
                    .. " the original project")
            elseif not is_served then
                ctx:warn(words, "when that subsystem is elsewhere, compare it there")
            end
        end
    end
end

return checks
