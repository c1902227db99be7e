--- A proxy before a real server that lets things go wrong: tests/support/fault_proxy_server.py,
--- which has what a rule may say.
local fs = require("salvor.fs")
local json = require("salvor.json")

local fault_proxy = {}
local proxy = {}
proxy.__index = proxy

--- opts: `to`, the "HOST:PORT" of the server; `raw`, for what is not HTTP; `certificate` and `key`,
--- files, to speak TLS. Its `port`, `address` and `url` are where clients go. To be stopped, or
--- closed.
function fault_proxy.start(opts)
    local self = setmetatable({folder = must(fs.temporary_folder())}, proxy)
    self:rules({})
    local command = string.format("exec python3 tests/support/fault_proxy_server.py '%s' %s %s",
        self.folder, opts.to, opts.raw and "raw" or "")
    if opts.certificate then
        command = string.format("%s '%s' '%s'", command, opts.certificate, opts.key)
    end
    self.output = assert(io.popen(command))
    local line = assert(self.output:read("l"), "the proxy does not start")
    local port, pid = line:match("^(%d+) (%d+)$")
    self.port, self.pid = math.tointeger(port), pid
    self.address = "127.0.0.1:" .. port
    self.url = (opts.certificate and "https://" or "http://") .. self.address
    return self
end

--- From now on these rules hold, a list; the requests so far are forgotten.
function proxy:rules(rules)
    os.remove(fs.join(self.folder, "requests.jsonl"))
    local text = #rules > 0 and must(json.encode(rules)) or "[]"
    must(fs.write(fs.join(self.folder, "rules.json"), text))
end

--- The requests since then: list of {method, target, headers (by lower-case name), rule}; of raw
--- connections only `rule`. `rule` is the number of the one that held, if one did.
function proxy:requests()
    local result = {}
    local file = io.open(fs.join(self.folder, "requests.jsonl"))
    if file then
        for line in file:lines() do
            result[#result + 1] = must(json.decode(line))
        end
        file:close()
    end
    return result
end

function proxy:stop()
    if self.pid then
        os.execute("kill " .. self.pid)
        self.pid = nil
        self.output:close()
        must(fs.remove_tree(self.folder))
    end
end

proxy.__close = proxy.stop

return fault_proxy
