--- A proxy for specs: tests/support/proxy_server.py.
local python_server = require("support.python_server")

local proxy = {}
local server = python_server.class()

--- kind: "http", "https" or "socks5"; folder: where it logs and finds its certificate; rule: nil,
--- "USER:PASSWORD", "refuse" or "silent".
function proxy.start(kind, folder, rule)
    os.remove(folder .. "/proxy.jsonl")
    local self = python_server.start(server, "proxy_server.py", folder, kind, rule)
    self.address = "127.0.0.1:" .. self.port
    self.url = kind .. "://" .. self.address
    return self
end

--- What it was asked for: list of {target, headers, user}.
function server:requests()
    return self:entries("proxy.jsonl", function() return true end)
end

return proxy
