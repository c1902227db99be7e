--- OpenSSH's sshd with an SFTP server of ours behind it: tests/support/sftp_server.py, which has
--- what it does and what can be wrong with it.
local eventually = require("support.eventually")
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

--- Waits until it listens; false when somebody else has taken its port meanwhile.
local function listens(self)
    local said = eventually("sshd, whose log is " .. self.log, function()
        local text = fs.read(self.log) or ""
        return text:match("Server listening") or text:match("Address already in use")
    end)
    return said == "Server listening"
end

local function launch(self, at, opts)
    self.port = free_port()
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
end

--- Beside the server of the lab, with its users and keys. opts: `more`, lines of its configuration;
--- `openssh`: with OpenSSH's own SFTP server, `none`: with none. Its `port` is where clients go,
--- `folder` a new folder as the server calls it, `files` the same as this machine calls it. To be
--- stopped.
function sftp_server.start(opts)
    local at = store_lab.sftp()
    local self = setmetatable({}, server)
    self.folder, self.files = store_lab.folder()
    must(fs.write(fs.join(self.files, "server.py"), must(fs.read("tests/support/sftp_server.py")),
        {mode = 420}))
    self:mode("")
    launch(self, at, opts)
    while not listens(self) do
        self:stop()
        launch(self, at, opts)
    end
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
