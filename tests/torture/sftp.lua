-- A port where nobody listens: what takes memory before that, and afterwards.
local block = require("salvor.block")
local config = require("salvor.ssh.config")
local known_hosts = require("salvor.ssh.known_hosts")
local native = require("salvor.sftp")

local ARGUMENTS = ...

local connection <close> = must(native.new())
local key, err = connection:connect({host = "127.0.0.1", port = 1, timeout = 10,
                                     host_keys = "ssh-ed25519"})
assert(key == nil)
assert(err.code == "Unreachable" or err.code == "Internal", tostring(err))
must(err.code ~= "Internal", err)

local piece <close> = must(block.new(4096))
local listed, problem = connection:list("/")
assert(listed == nil and problem.code == err.code)
assert(not connection:read("/x", piece, 0, 10, 10))
assert(not connection:write("/x", piece, {create = true}))
assert(not connection:stat("/x"))

local entries = must(known_hosts.load({ARGUMENTS.folder .. "/none"},
    "host ssh-ed25519 AAAA\n@revoked * ssh-ed25519 AAAA\n"))
assert(known_hosts.check(entries, "host", 22, "\0\0\0") == "revoked")
assert(must(config.lookup("host", ARGUMENTS.folder .. "/none")).hostname == "host")
