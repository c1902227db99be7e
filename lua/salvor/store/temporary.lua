--- The names of files that are not whole yet, in a folder or on an SFTP server: ".salvor-HEX.tmp"
--- (src/core/file.h). No list shows them.
local temporary = {}

function temporary.is_name(name)
    return name:find("^%.salvor%-[0-9a-f]*%.tmp$") ~= nil
end

--- Why an object cannot have that path there (features.refuses): nobody would ever see it.
function temporary.refuses(path)
    if temporary.is_name(path:match("[^/]*$")) then
        return "it is the name of an unfinished file"
    end
end

return temporary
