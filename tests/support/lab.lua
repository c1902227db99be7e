--- The Kubernetes API server that specs run against: the one named by SALVOR_TEST_KUBECONFIG or
--- SALVOR_LAB_DIR, otherwise a lab that is started on first use and stopped when the process ends.
local busted = require("busted")
local k8s = require("salvor.k8s")

local lab = {}

-- Keeps the finalisers until the state is closed.
local own = {}
local folder, second

local function own_pid()
    local file <close> = assert(io.open("/proc/self/stat"))
    return file:read("n")
end

local function start()
    local pipe <close> = assert(io.popen("mktemp -d"))
    local made = assert(pipe:read("l"))
    local command = "tests/lab/lab start %s/lab --parent %d >/dev/null"
    if not os.execute(command:format(made, own_pid())) then
        os.execute("rm -rf " .. made)
        return nil, "the lab does not start"
    end
    own[#own + 1] = setmetatable({}, {__gc = function()
        os.execute(string.format("tests/lab/lab stop %s/lab; rm -rf %s", made, made))
    end})
    return made .. "/lab"
end

local function find_folder()
    if folder then
        return folder
    end
    local named = os.getenv("SALVOR_LAB_DIR")
    if named == "none" then
        return nil, "no lab was started for this run"
    elseif named and named ~= "" then
        folder = named
        return folder
    end
    local why
    folder, why = start()
    return folder, why
end

--- The path of a kubeconfig: the administrator's, or "cert", "data", "restricted", "unauthorized",
--- "expired". nil and a reason when there is none.
function lab.kubeconfig(name)
    local given = os.getenv("SALVOR_TEST_KUBECONFIG")
    if given and given ~= "" then
        if name then
            return nil, "SALVOR_TEST_KUBECONFIG has no user '" .. name .. "'"
        end
        return given
    end
    local where, why = find_folder()
    if not where then
        return nil, why
    end
    return where .. "/kubeconfig" .. (name and "-" .. name or "")
end

--- The path of the administrator's kubeconfig of a second cluster, a lab of this process's own.
function lab.second_kubeconfig()
    second = second or must(start())
    return second .. "/kubeconfig"
end

--- A test that cannot be run here. busted's TAP does not tell, so its title does.
local function skip(title, why)
    busted.it(title .. " # SKIP " .. why, function()
        busted.pending(why)
    end)
end

--- A describe() that becomes one skipped test when there is no server.
function lab.describe(title, body)
    local path, why = lab.kubeconfig()
    busted.describe(title, path and body or function()
        skip("needs an API server", why)
    end)
end

--- An it() for the user of lab.kubeconfig(name), whose path `body` is given.
function lab.it_as(name, title, body)
    local path, why = lab.kubeconfig(name)
    if not path then
        return skip(title, why)
    end
    busted.it(title, function()
        body(path)
    end)
end

--- A client of the administrator; `opts` as for k8s.connect.
function lab.client(opts)
    local all = {kubeconfig = lab.kubeconfig()}
    for key, value in pairs(opts or {}) do
        all[key] = value
    end
    return must(k8s.connect(all))
end

--- The name of a new, empty namespace. A server that has had many of them makes a name twice now
--- and then; its answer to that is ServerTimeout.
function lab.namespace()
    local client <close> = lab.client()
    local made, err
    for _ = 1, 3 do
        made, err = client:create({
            apiVersion = "v1",
            kind = "Namespace",
            metadata = {generateName = "spec-"},
        })
        if made or err.code ~= "ServerTimeout" then
            break
        end
    end
    return must(made, err).metadata.name
end

--- The definition (CRD) of a namespaced kind whose objects may hold anything. columns: the
--- additionalPrinterColumns of its tables.
function lab.definition(group, plural, kind, columns)
    return {
        apiVersion = "apiextensions.k8s.io/v1",
        kind = "CustomResourceDefinition",
        metadata = {name = plural .. "." .. group},
        spec = {
            group = group,
            scope = "Namespaced",
            names = {plural = plural, singular = kind:lower(), kind = kind},
            versions = {{
                name = "v1", served = true, storage = true,
                schema = {openAPIV3Schema = {type = "object",
                                             ["x-kubernetes-preserve-unknown-fields"] = true}},
                additionalPrinterColumns = columns,
            }},
        },
    }
end

return lab
