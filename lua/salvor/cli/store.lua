local value = require("salvor.value")

local FOLDER = "lua/salvor/store/commands/"

local commands = {}
for _, path in ipairs(value.embedded_paths(FOLDER)) do
    local name = path:match("([^/]+)%.lua$")
    commands[name] = "salvor.store.commands." .. name
end

return {
    summary = "folders, S3, Azure Blob and SFTP: list, read, copy, remove",
    details = "A URL is s3://bucket/prefix, az://container/prefix, sftp://user@host:port/path,"
        .. " file:///path, a path, or @NAME for a store of the site.",
    usage = "salvor store COMMAND [options] URL...",
    commands = commands,
}
