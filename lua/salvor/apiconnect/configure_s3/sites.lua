--- The data centres that apic-v10/configure-s3-backup works on: one, or two. What is known of each
--- is in ctx.facts.sites, plain values, since the check `resource`; the other checks judge it, so
--- that each of them may be left out:
---
---     other       true for the second data centre
---     name        of the ManagementCluster; namespace, version
---     place       where its settings are edited (salvor.apiconnect.section)
---     wanted      databaseBackup as it shall be
---     changes     whether it is not so yet; restarts: whether the database restarts for it
---     database    "crunchy" or "edb", and database_cluster
---     job         uid of the stanza-create Job of the settings before
---     multisite   multiSiteHA, when there is one, or was before it was taken out
local dig = require("salvor").dig
local known = require("salvor.procedure.known")({sites = "resource"})

local sites = {}

--- Whether a second data centre was named.
function sites.has_other(params)
    return (params.other_context or params.other_namespace) ~= nil
end

--- The procedure's `elsewhere`: the second data centre, when there is one.
function sites.elsewhere(params)
    return {sites.has_other(params) and {context = params.other_context,
                                         namespace = params.other_namespace} or nil}
end

--- The client of a data centre.
function sites.client(ctx, site)
    return site.other and ctx.elsewhere[1] or ctx.k8s
end

--- each(ctx) -> iterator of index, site, client
function sites.each(ctx)
    local index, all = 0, known(ctx, "sites")
    return function()
        index = index + 1
        local site = all[index]
        if site then
            return index, site, sites.client(ctx, site)
        end
    end
end

--- "" or " of the other data centre", for messages.
function sites.of(site)
    return site.other and " of the other data centre" or ""
end

--- Whether any of them is so.
function sites.any(ctx, test)
    for _, site in ipairs(known(ctx, "sites")) do
        if test(site) then
            return true
        end
    end
    return false
end

local MODES = {active = 1, passive = 2}

--- The mode of a data centre before its multiSiteHA was taken out.
function sites.mode(site)
    return dig(site, "multisite", "mode")
end

--- Those with multiSiteHA, by mode: the active one first, or last.
function sites.by_mode(ctx, active_last)
    local found = {}
    for _, site in ipairs(known(ctx, "sites")) do
        if site.multisite then
            found[#found + 1] = site
        end
    end
    table.sort(found, function(one, other)
        local first, second = MODES[sites.mode(one)], MODES[sites.mode(other)]
        if active_last then
            first, second = second, first
        end
        return first < second
    end)
    return found
end

return sites
