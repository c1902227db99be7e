local cli = require("salvor.cli")
local command = require("salvor.store.command")
local guard = require("salvor.guard")
local remove = require("salvor.store.remove")
local ui = require("salvor.ui")
local url = require("salvor.store.url")
local walk = require("salvor.store.walk")

--- Those that are empty by now; one that is not keeps what could not be removed.
local function remove_folders(backend, prefix)
    local token
    repeat
        local page = must(backend:list(prefix, {delimiter = "/", after = token}))
        for _, folder in ipairs(page.folders) do
            remove_folders(backend, folder)
        end
        must(backend:remove(page.folders))
        token = page.next
    until not token
end

local function remove_tree(backend)
    local removal = remove.new(backend)
    local items = walk.items(backend, "", function(item)
        removal:add(item.path)
    end)
    while true do
        local item, err = items()
        if not item then
            must(not err or nil, err)
            break
        end
        removal:add(item.path)
    end
    removal:finish()
    if backend.features.folders then
        remove_folders(backend, "")
    end
    return removal
end

local function remove_one(source)
    local removal = remove.new(source.backend)
    removal:add(source.name)
    removal:finish()
    return removal
end

local function agreed(given, text)
    return given.yes or must(ui.confirm("remove everything below " .. url.mask(text) .. "?"))
end

return {
    summary = "removes an object, or with -r everything below a name",
    usage = "salvor store rm [-r] [--yes] URL",
    arguments = {"URL"},
    options = {
        {name = "recursive", short = "r", help = "everything below"},
        {name = "yes", help = "do not ask"},
        command.secret_option("secret", "the store"), command.CONTEXT, command.SITE,
    },
    run = function(given, words)
        must(guard.check({op = "store.rm", verb = "remove", target = url.mask(words[1])}))
        local source = given.recursive and command.source(words[1], given)
            or command.object(words[1], given)
        local removal
        if source.item then
            removal = remove_one(source)
        elseif agreed(given, words[1]) then
            removal = remove_tree(source.backend)
        else
            return cli.exit.refused
        end
        source.backend:close()
        for _, failure in ipairs(removal.failed) do
            cli.report(failure.err)
        end
        print(string.format("%d file%s removed", removal.removed,
            removal.removed == 1 and "" or "s"))
        return #removal.failed > 0 and cli.exit.failed or cli.exit.done
    end,
}
