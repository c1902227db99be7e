--- The portal as salvor.apiconnect.recover takes it.
local apiconnect = require("salvor.apiconnect")
local portal = require("salvor.apiconnect.portal")
local portal_kit = require("salvor.apiconnect.portal_kit")
local portal_restore = require("salvor.apiconnect.portal_restore")
local recover = require("salvor.apiconnect.recover")

return recover.subsystem({
    section = "portal",
    kind = portal.KIND,
    plural = apiconnect.PORTAL,
    prepared_by = portal_kit.PROCEDURE,
    read_kit = portal_kit.read,
    restores = portal_restore,
    fixed = {encryptionSecret = "its data is encrypted with another key"},
    together = "the backups of portal and management must be of the same time, so that sites and"
        .. " management database fit",
})
