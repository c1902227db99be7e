local digest = require("salvor.digest")
local fs = require("salvor.fs")

local ARGUMENTS = ...

local empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
assert(digest.sha256("") == empty)
assert(#digest.hmac_sha256("key", "data") == 64)
local object = digest.new("sha256")
assert(object:update(""):update(""):hex() == empty)
assert(must(digest.unbase64(digest.base64(("x"):rep(1000)))) == ("x"):rep(1000))
local path = must(fs.join(ARGUMENTS.folder, "file"))
must(fs.write(path, ""))
assert(must(digest.file("sha256", path)) == empty)
local nothing, err = digest.unbase64("!")
assert(not nothing)
must(err.code == "Invalid", err)
