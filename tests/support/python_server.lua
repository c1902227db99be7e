--- What the servers of specs have in common that are Python programs: one prints "PORT PID" once it
--- listens, and has a folder for what it is told and what it tells.
local json = require("salvor.json")
local k8s = require("salvor.k8s")

local python_server = {}
python_server.__index = python_server

--- A class of such servers, to which further methods may be added.
function python_server.class()
    local class = setmetatable({}, python_server)
    class.__index = class
    class.__gc = python_server.__gc
    class.__close = python_server.__gc
    return class
end

--- Starts tests/support/SCRIPT with the folder (nil: a new one, which goes with the server) and the
--- other arguments.
function python_server.start(class, script, folder, ...)
    local self = {folder = folder, owns_folder = not folder}
    if not folder then
        local pipe <close> = assert(io.popen("mktemp -d"))
        self.folder = assert(pipe:read("l"))
    end
    self.output = assert(io.popen(table.concat({"exec python3 tests/support/" .. script,
                                                self.folder, ...}, " ")))
    self.port, self.pid = assert(self.output:read("l")):match("^(%d+) (%d+)$")
    -- Last, so that at the end of a run it is collected before its output.
    return setmetatable(self, class)
end

--- One that a failing test has left is stopped: closing its output waits for its end.
function python_server:__gc()
    if not self.is_stopped then
        self:stop()
    end
end

function python_server:stop()
    self.is_stopped = true
    os.execute("kill " .. self.pid)
    self.output:close()
    if self.owns_folder then
        os.execute("rm -rf " .. self.folder)
    end
end

--- Gives a file of the folder another content, in one step.
function python_server:put(name, text)
    local path = self.folder .. "/" .. name
    local file = assert(io.open(path .. ".new", "w"))
    assert(file:write(text))
    assert(file:close())
    assert(os.rename(path .. ".new", path))
    return path
end

--- The entries of a log, one JSON value in each line, for which `keep` is true.
function python_server:entries(name, keep)
    local entries = {}
    local file = io.open(self.folder .. "/" .. name)
    for line in file and file:lines() or function() end do
        local entry = json.decode(line)
        if entry and keep(entry) then
            entries[#entries + 1] = entry
        end
    end
    if file then
        file:close()
    end
    return entries
end

--- The path of a kubeconfig that has this cluster and this user (nil: one with a token).
function python_server:put_kubeconfig(cluster, user)
    return self:put("kubeconfig", json.encode({
        ["current-context"] = "scripted",
        contexts = {{name = "scripted", context = {cluster = "c", user = "u"}}},
        clusters = {{name = "c", cluster = cluster}},
        users = {{name = "u", user = user or {token = "secret-token"}}},
    }))
end

function python_server:client(opts)
    local all = {kubeconfig = self:kubeconfig()}
    for key, value in pairs(opts or {}) do
        all[key] = value
    end
    return must(k8s.connect(all))
end

return python_server
