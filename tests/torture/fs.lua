local fs = require("salvor.fs")

local ARGUMENTS = ...

local folder = must(fs.temporary_folder(ARGUMENTS.folder))
local path = must(fs.join(folder, "a", "b", "file"))
must(fs.mkdir(must(fs.dirname(path)), {parents = true}))
must(fs.write(path, ("line\n"):rep(200)))
must(fs.append(path, "more"))
assert(must(fs.read(path)) == ("line\n"):rep(200) .. "more")
assert(must(fs.stat(path)).size == 1004)
must(fs.truncate(path, 4))
must(fs.symlink(must(fs.basename(path)), path .. ".link"))
assert(must(fs.readlink(path .. ".link")) == "file")
must(fs.rename(path .. ".link", must(fs.join(folder, "link"))))
do
    local lock <close> = must(fs.lock(must(fs.join(folder, "lock")))) -- luacheck: ignore 211
    local nothing, err = fs.write(path, "", {exclusive = true})
    assert(not nothing)
    must(err.code == "AlreadyExists", err)
end
assert(#must(fs.list(folder)) == 3)
must(fs.remove_tree(folder))
assert(not fs.stat(folder))
