--- The portal as salvor.apiconnect.recover takes it.
local apiconnect = require("salvor.apiconnect")
local portal = require("salvor.apiconnect.portal")
local portal_kit = require("salvor.apiconnect.portal_kit")
local recover = require("salvor.apiconnect.recover")

return recover.subsystem({
    kind = portal.KIND,
    plural = apiconnect.PORTAL,
    read_kit = portal_kit.read,
    differences = function(object, kit, version)
        return portal.differences(object, kit.known, version)
    end,
    -- The credentials of the backup server may be newer than the kit.
    may_differ = function(item)
        return item.role:find("^" .. portal.BACKUP_FIELD) ~= nil
    end,
})
