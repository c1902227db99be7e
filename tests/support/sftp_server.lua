--- OpenSSH's sshd with an SFTP server of ours behind it: tests/support/sftp_server.py, which has
--- what it does and what can be wrong with it.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local store_lab = require("support.store_lab")

local sftp_server = {}
local server = {}
server.__index = server

local function free_port()
    local result = must(proc.run({"python3", "-c",
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"}))
    return math.tointeger(tonumber(result.stdout))
end

local CONFIGURATION = [[
Port %d
ListenAddress 127.0.0.1
PidFile none
UsePAM no
StrictModes no
AuthorizedKeysFile %s
HostKey %s
Subsystem %s
%s
]]

local function is_listening(port)
    local probe = "(: < /dev/tcp/127.0.0.1/" .. port .. ") 2> /dev/null"
    return must(proc.run({"bash", "-c", probe})).code == 0
end

local function wait_until_it_listens(self)
    local deadline = os.time() + 60
    while not is_listening(self.port) do
        assert(os.time() < deadline, "sshd does not start: " .. (fs.read(self.log) or ""))
        require("salvor.task").sleep(0.02)
    end
end

--- Beside the server of the lab, with its users and keys. opts: `more`, lines of its configuration;
--- `openssh`: with OpenSSH's own SFTP server, `none`: with none. Its `port` is where clients go,
--- `folder` a new folder as the server calls it, `files` the same as this machine calls it. To be
--- stopped.
function sftp_server.start(opts)
    local at = store_lab.sftp()
    local self = setmetatable({}, server)
    self.folder, self.files = store_lab.folder()
    self.port = free_port()
    must(fs.write(fs.join(self.files, "server.py"), must(fs.read("tests/support/sftp_server.py")),
        {mode = 420}))
    self:mode("")
    local top = fs.dirname(at.files)
    local keys = fs.join(at.password and "/srv" or top, "authorized_keys")
    local command = opts.openssh and "internal-sftp" or opts.none and "none"
        or string.format("python3 %s/server.py %s/mode", self.folder, self.folder)
    self.configuration = fs.join(top, "sshd-" .. self.port .. ".conf")
    self.log = self.configuration .. ".log"
    must(fs.write(self.configuration, CONFIGURATION:format(self.port, keys,
        fs.join(top, "host_ed25519"),
        (opts.none and "other " or "sftp ") .. command, opts.more or "")))
    local run = "/usr/sbin/sshd"
    if at.password then
        run = "unshare --mount --pid --fork --kill-child --propagation private tests/lab/sshd "
            .. top
    end
    self.output = assert(io.popen(string.format("echo $$; exec %s -D -e -f %s 2> %s", run,
        self.configuration, self.log)))
    self.pid = self.output:read("l")
    wait_until_it_listens(self)
    return self
end

--- From now on sessions begin with these faults.
function server:mode(words)
    must(fs.write(fs.join(self.files, "mode"), words, {mode = 420}))
end

function server:stop()
    os.execute("kill -KILL " .. self.pid)
    self.output:close()
    os.remove(self.configuration)
    os.remove(self.log)
end

return sftp_server
