--- The API server that is measured: a lab of this run's own.
local fs = require("salvor.fs")
local proc = require("salvor.proc")

local lab = {}
lab.__index = lab

local function lab_run(...)
    return must(proc.run({"tests/lab/lab", ...}, {timeout = 900}))
end

--- Starts one in a new folder; further words go to `lab start`. nil and a reason where there is
--- none. To be closed.
function lab.start(bench, ...)
    if not proc.which("kubectl") then
        return nil, "there is no kubectl"
    end
    if must(proc.run({"tests/lab/build", "--check"})).code ~= 0 then
        return nil, "the lab has not been built (tests/lab/build)"
    end
    local folder = must(fs.temporary_folder(bench.scratch))
    local result = lab_run("start", folder, "--parent", tostring(proc.pid()), ...)
    if result.code ~= 0 then
        return nil, (result.stderr:match("^[^\n]+") or "the lab does not start")
    end
    local self = setmetatable({folder = folder, kubeconfig = fs.join(folder, "kubeconfig")}, lab)
    for name, value in lab_run("env", folder).stdout:gmatch("export (%w+)=(%S+)") do
        self[name] = value
    end
    return self
end

function lab:__close()
    lab_run("stop", self.folder)
end

function lab:kubectl(...)
    return {name = "kubectl", argv = {"kubectl", "--kubeconfig", self.kubeconfig, ...}}
end

--- A bare fetch; under the name of curl the server would indent what it sends.
function lab:curl(path)
    return {name = "curl", argv = {"curl", "-sf", "--noproxy", "*", "--cacert", self.CA, "-A",
            "bench", "-H", "Authorization: Bearer " .. self.TOKEN, self.SERVER .. path}}
end

return lab
