--- What an operator has recorded of an API Connect v2018 system before its recovery: the version of
--- each subsystem that is deployed, and its endpoints. A YAML file:
---
---     versions:
---       management: 2018.4.1.10
---       gateway: 2018.4.1.10
---     endpoints:
---       api-manager-ui: manager.example.org
---       api-gateway: [gateway1.example.org, gateway2.example.org]
local apiconnect = require("salvor.apiconnect")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local keys = require("salvor").keys
local yaml = require("salvor.yaml")

local record = {}

record.SUBSYSTEMS = {"management", "gateway", "analytics", "portal"}

--- The endpoints of each kind of subsystem, by the names of the vendor's document.
record.ENDPOINTS = {
    management = {"api-manager-ui", "cloud-admin-ui", "consumer-api", "platform-api"},
    gateway = {"api-gateway", "api-gw-service"},
    analytics = {"analytics-ingestion", "analytics-client"},
    portal = {"portal-admin", "portal-www"},
}

-- The installer's own name for what the document calls otherwise.
local SYNONYMS = {["apic-gw-service"] = "api-gw-service"}

local KNOWN = {}
for _, subsystem in ipairs(record.SUBSYSTEMS) do
    for _, endpoint in ipairs(record.ENDPOINTS[subsystem]) do
        KNOWN[endpoint] = subsystem
    end
end

--- The name of an endpoint as the document has it, and the kind of subsystem it belongs to; nil
--- when there is none of that name.
function record.endpoint(name)
    name = SYNONYMS[name] or name
    return KNOWN[name] and name, KNOWN[name]
end

--- Whether the text can be the name of a host, without scheme, port or path.
local function is_host(text)
    return type(text) == "string" and #text <= 253 and text:find("^[%w][%w.-]*%.[%w]+$") ~= nil
        and not text:find("..", 1, true)
end

--- "2018.4.1.9 iFix1.0" as salvor.apiconnect compares it; nil when it is no version.
function record.version(text)
    return type(text) == "string" and text:match("^%d+%.%d+[%d.]*[%s-]*%w*[%d.]*$")
        and apiconnect.parse_version(text:lower()) and text:lower() or nil
end

--- Whether both name the same level.
function record.is_same_version(one, other)
    one, other = record.version(one), record.version(other)
    return apiconnect.at_least(one, other) and apiconnect.at_least(other, one)
end

--- From 2018.4.1.9 iFix1.0 on tasks may be stuck after a restore, which apicops removes.
function record.has_stuck_tasks(version)
    return apiconnect.at_least(record.version(version), "2018.4.1.9-ifix1.0")
end

local function check_versions(add, versions)
    for _, name in ipairs(keys(versions)) do
        if not record.ENDPOINTS[name] then
            add("versions." .. tostring(name) .. " is no kind of subsystem",
                "there are " .. table.concat(record.SUBSYSTEMS, ", "))
        elseif not record.version(versions[name]) then
            add("versions." .. name .. " is '" .. tostring(versions[name]) .. "', which is no"
                .. " version", "write it as in 2018.4.1.10 or \"2018.4.1.9 iFix1.0\"")
        end
    end
    if not versions.management then
        add("versions.management is missing", "note the version that the backup was made with")
    end
end

--- {name = list of hosts}
local function check_endpoints(add, endpoints)
    local hosts = {}
    for _, written in ipairs(keys(endpoints)) do
        local name, value = record.endpoint(written), endpoints[written]
        if not name then
            add("endpoints." .. tostring(written) .. " is no endpoint of API Connect v2018",
                "there are " .. table.concat(keys(KNOWN), ", "))
        else
            hosts[name] = type(value) == "table" and value or {value}
            for _, host in ipairs(hosts[name]) do
                if not is_host(host) then
                    add("endpoints." .. written .. " is '" .. tostring(host)
                        .. "', which is no name of a host", "give the name alone, as it is in DNS")
                end
            end
        end
    end
    return hosts
end

local function check_complete(add, versions, hosts)
    for _, subsystem in ipairs(record.SUBSYSTEMS) do
        for _, name in ipairs(record.ENDPOINTS[subsystem]) do
            if versions[subsystem] and not (hosts[name] and hosts[name][1]) then
                add("endpoints." .. name .. " is missing",
                    "note it as it was in the old cluster: it must be the same again")
            elseif hosts[name] and not versions[subsystem] then
                add("versions." .. subsystem .. " is missing, and endpoints." .. name
                    .. " is there", "note the version of each subsystem that is deployed")
            end
        end
    end
end

local function is_map(value)
    return type(value) == "table" and value[1] == nil
end

--- load(path) -> {versions = {subsystem = text}, endpoints = {name = list of hosts}}, problems;
--- nil, err when it cannot be read. problems: list of {message, hint}.
function record.load(path)
    local text, err = fs.read(path)
    if not text then
        return nil, err
    end
    local values, problem = yaml.load(text)
    if not values and problem then
        return nil, errors.new({code = problem.code, op = problem.op,
                                message = path .. ": " .. problem.message, hint = problem.hint})
    end
    local problems = {}
    local function add(message, hint)
        problems[#problems + 1] = {path .. ": " .. message, hint}
    end
    for _, field in ipairs({"versions", "endpoints"}) do
        if not is_map(values) or not is_map(values[field]) then
            add("there is no map '" .. field .. "'", "the procedure's page shows what it holds")
        end
    end
    if problems[1] then
        return {versions = {}, endpoints = {}}, problems
    end
    check_versions(add, values.versions)
    local hosts = check_endpoints(add, values.endpoints)
    check_complete(add, values.versions, hosts)
    return {versions = values.versions, endpoints = hosts}, problems
end

return record
