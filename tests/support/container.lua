--- The image of the salvor under test on the lab's node.
local fs = require("salvor.fs")
local node = require("support.node")
local proc = require("salvor.proc")
local salvor = require("support.salvor")

local container = {IMAGE = "localhost/salvor:spec"}

local function run(argv)
    local result = must(proc.run(argv, {timeout = 120}))
    if result.code ~= 0 then
        error(table.concat(argv, " ") .. ": " .. result.stdout .. result.stderr)
    end
    return result.stdout
end

--- The process that is the first one of the node.
local function node_pid()
    local env = must(fs.read(fs.join(assert(node.folder()), "env")))
    return assert(env:match("NODE_PID=(%d+)"))
end

--- Makes the image and gives it to the node; again and again does no harm.
function container.load()
    local folder = must(fs.temporary_folder())
    local file = fs.join(folder, "image.tar")
    local ok, err = pcall(function()
        run({"packaging/container/image", salvor.path, file, container.IMAGE})
        run({"nsenter", "--target", node_pid(), "--pid", "--mount", "ctr", "-n", "k8s.io",
             "images", "import", "--snapshotter", "native", file})
    end)
    must(fs.remove_tree(folder))
    if not ok then
        error(err, 0)
    end
end

return container
