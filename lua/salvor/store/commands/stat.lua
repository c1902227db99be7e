local command = require("salvor.store.command")

local function print_text(row)
    for _, name in ipairs({"path", "kind", "size", "modified", "mode", "md5", "etag", "version"}) do
        local value = row[name]
        if name == "modified" then
            value = command.time(value)
        elseif name == "mode" and value then
            value = string.format("%04o", value)
        end
        if value ~= nil then
            print(string.format("%-9s %s", name, command.escape(tostring(value))))
        end
    end
end

return {
    summary = "what is known of an object: size, time, checksum",
    usage = "salvor store stat [--output text|json] URL",
    arguments = {"URL"},
    options = {
        command.OUTPUT, command.secret_option("secret", "the store"), command.CONTEXT, command.SITE,
    },
    run = function(given, words)
        local format = command.output(given)
        local source = command.object(words[1], given)
        local row = command.row(source.item)
        if format == "json" then
            command.print_json(row)
        else
            print_text(row)
        end
        source.backend:close()
        return 0
    end,
}
