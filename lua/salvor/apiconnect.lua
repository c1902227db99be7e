--- IBM API Connect v10: versions, the names its operator uses, and what they mean for a recovery.
local dig = require("salvor").dig
local rules = require("salvor.k8s.ready.apiconnect")

local apiconnect = {}

apiconnect.MANAGEMENT = "managementclusters.management.apiconnect.ibm.com"
apiconnect.MANAGEMENT_BACKUP = "managementbackups.management.apiconnect.ibm.com"
apiconnect.MANAGEMENT_RESTORE = "managementrestores.management.apiconnect.ibm.com"
apiconnect.EDB_BACKUP = "backups.postgresql.k8s.enterprisedb.io"
apiconnect.PORTAL = "portalclusters.portal.apiconnect.ibm.com"
apiconnect.PORTAL_BACKUP = "portalbackups.portal.apiconnect.ibm.com"
apiconnect.PORTAL_RESTORE = "portalrestores.portal.apiconnect.ibm.com"
apiconnect.TOP = "apiconnectclusters.apiconnect.ibm.com"
apiconnect.TOP_KIND = "APIConnectCluster"

--- The secrets of client applications: the key in the status of a ManagementCluster, and the name
--- the operator expects in spec.customApplicationCredentials. `since` a version; the first seven
--- are always there.
apiconnect.CREDENTIALS = {
    {status = "atmCredentialSecret", name = "atm-cred"},
    {status = "consumerToolkitCredentialSecret", name = "ccli-cred"},
    {status = "consumerUICredentialSecret", name = "cui-cred"},
    {status = "designerCredentialSecret", name = "dsgr-cred"},
    {status = "juhuCredentialSecret", name = "juhu-cred"},
    {status = "toolkitCredentialSecret", name = "cli-cred"},
    {status = "uiCredentialSecret", name = "ui-cred"},
    {status = "governanceCredentialSecret", name = "governance-cred", since = "10.0.5.3"},
    {status = "discoveryCredentialSecret", name = "discovery-cred", since = "10.0.7"},
}

--- Names longer than this make originalUID essential: of a subsystem, and of an APIConnectCluster.
local LONG_NAME = 15
local LONG_TOP_NAME = 10

--- "10.0.1.4-ifix1-eus" -> {10, 0, 1, 4, ifix = 1}; nil when it is no version.
function apiconnect.parse_version(text)
    local numbers, rest = tostring(text):match("^(%d+[%d.]*)(.*)$")
    if not numbers then
        return nil
    end
    local version = {ifix = tonumber(rest:match("ifix(%d+)")) or 0}
    for number in numbers:gmatch("%d+") do
        version[#version + 1] = tonumber(number)
    end
    return version
end

--- at_least(version, wanted) -> boolean, both as text; missing parts count as 0.
function apiconnect.at_least(version, wanted)
    local have, need = apiconnect.parse_version(version), apiconnect.parse_version(wanted)
    if not have or not need then
        return false
    end
    for part = 1, math.max(#have, #need) do
        local difference = (have[part] or 0) - (need[part] or 0)
        if difference ~= 0 then
            return difference > 0
        end
    end
    return have.ifix >= need.ifix
end

--- Whether an installation of this version has spec.originalUID: from 10.0.3.0 on, and in the
--- 10.0.1 line from 10.0.1.4-ifix1 on.
function apiconnect.has_original_uid(version)
    if apiconnect.at_least(version, "10.0.3.0") then
        return true
    end
    return apiconnect.at_least(version, "10.0.1.4-ifix1")
        and not apiconnect.at_least(version, "10.0.2")
end

--- The generation of the management database: "crunchy" up to 10.0.5, "edb" from 10.0.8 on; nil in
--- between, where no public source says which.
function apiconnect.database(version)
    if apiconnect.at_least(version, "10.0.8") then
        return "edb"
    elseif not apiconnect.at_least(version, "10.0.6") then
        return "crunchy"
    end
    return nil
end

--- The name of the database cluster, which the path of the backups is bound to.
function apiconnect.database_cluster(management, database)
    local known = dig(management, "status", "services", "db")
    if known then
        return known
    end
    local suffix = database == "edb" and "db" or "postgres"
    return string.format("%s-%s-%s", management.metadata.name,
        dig(management, "spec", "siteName"), suffix)
end

--- ready(subsystem) -> boolean, what it says of itself: the rule that client:wait goes by, which is
--- the same for a ManagementCluster and a PortalCluster.
function apiconnect.ready(subsystem)
    local state, text = rules["management.apiconnect.ibm.com/ManagementCluster"](subsystem)
    return state == "ready", text
end

--- The top-level APIConnectCluster, as an owner reference {apiVersion, kind, name, uid}, when there
--- is one: its operator overwrites what is changed below it.
function apiconnect.top_level(subsystem)
    for _, owner in ipairs(subsystem.metadata.ownerReferences or {}) do
        if owner.kind == apiconnect.TOP_KIND then
            return owner
        end
    end
end

--- The name that is too long for a restore without the right originalUID, and how long it may be:
--- the subsystem's, or that of the APIConnectCluster above it (`top`, or nil). Nothing otherwise.
function apiconnect.long_name(name, top)
    if top and #top > LONG_TOP_NAME then
        return top, LONG_TOP_NAME
    elseif #name > LONG_NAME then
        return name, LONG_NAME
    end
end

return apiconnect
