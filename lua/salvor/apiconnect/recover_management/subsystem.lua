--- The management subsystem as salvor.apiconnect.recover takes it.
local apiconnect = require("salvor.apiconnect")
local management_kit = require("salvor.apiconnect.management_kit")
local recover = require("salvor.apiconnect.recover")
local replacement = require("salvor.apiconnect.replacement")

--- The credentials of the backup server may be newer than the kit.
local function is_for_backups(item)
    return item.role:find("^databaseBackup") ~= nil
end

local subsystem = recover.subsystem({
    kind = "ManagementCluster",
    plural = apiconnect.MANAGEMENT,
    read_kit = management_kit.read,
    effective = replacement.effective,
    may_differ = is_for_backups,
    differences = function(object, kit, version, params)
        return replacement.differences(object, kit,
            {version = version, backup_path = params.copy_backups_to})
    end,
})

--- The secrets that open the place of the backups, the living ones where there are any:
--- {["databaseBackup.credentials"] = object, ...}
function subsystem.backup_secrets(ctx, kit)
    local found = {}
    for _, item in ipairs(kit.secrets) do
        if is_for_backups(item) then
            found[item.role] = recover.find(ctx, "secrets", item.object.metadata.name)
                or item.object
        end
    end
    return found
end

return subsystem
