--- A proxy for specs: tests/support/proxy_server.py.
local json = require("salvor.json")

local proxy = {}
local server = {}
server.__index = server

--- kind: "http", "https" or "socks5"; folder: where it logs and finds its certificate; rule: nil,
--- "USER:PASSWORD", "refuse" or "silent".
function proxy.start(kind, folder, rule)
    local self = setmetatable({folder = folder}, server)
    os.remove(folder .. "/proxy.jsonl")
    local command = "exec python3 tests/support/proxy_server.py %s %s %s"
    self.output = assert(io.popen(command:format(folder, kind, rule or "")))
    self.port, self.pid = assert(self.output:read("l")):match("^(%d+) (%d+)$")
    self.address = "127.0.0.1:" .. self.port
    self.url = kind .. "://" .. self.address
    return self
end

function server:stop()
    os.execute("kill " .. self.pid)
    self.output:close()
end

--- What it was asked for: list of {target, headers, user}.
function server:requests()
    local result = {}
    local file = io.open(self.folder .. "/proxy.jsonl")
    if file then
        for line in file:lines() do
            result[#result + 1] = must(json.decode(line))
        end
        file:close()
    end
    return result
end

return proxy
