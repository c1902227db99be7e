--- The settings that make two management subsystems one deployment in two data centres
--- (spec.multiSiteHA): taken out so that nothing of them can be lost, and put back.
---
--- The write that takes them out leaves them in an annotation of the same resource; the one that
--- puts them back removes that. So whatever ends in between, they are in the cluster.
local dig = require("salvor").dig
local json = require("salvor.json")
local section = require("salvor.apiconnect.section")

local multisite = {}

local ANNOTATION = "salvor/multi-site-ha"

--- kept(object) -> the settings that were taken out of the resource, or nil
function multisite.kept(object)
    local text = dig(object, "metadata", "annotations", ANNOTATION)
    local found = type(text) == "string" and json.decode(text)
    return type(found) == "table" and found or nil
end

--- find(client, management) -> the settings, or nil; place of section.of; whether they were taken
--- out already. nil, message, hint where they can be neither taken out nor left.
function multisite.find(client, management)
    local place = section.of(management)
    local object, settings = section.read(client, place)
    if dig(settings, "multiSiteHA") then
        return {settings = settings.multiSiteHA, place = place}
    elseif multisite.kept(object) then
        return {settings = multisite.kept(object), place = place, is_out = true}
    elseif dig(management, "spec", "multiSiteHA") then
        return nil, "multiSiteHA of ManagementCluster " .. management.metadata.name .. " does not"
            .. " stand in spec.management of " .. section.title(place) .. ", which owns it",
            "move it there: what is changed in the ManagementCluster is overwritten"
    end
    return {place = place}
end

--- is_out(client, place) -> whether the resource is without them
function multisite.is_out(client, place)
    local _, settings = section.read(client, place)
    return dig(settings, "multiSiteHA") == nil
end

--- Both change single fields of the resource as it is then, and are each one write.

--- Takes the settings out.
function multisite.take_out(client, place, settings)
    must(client:update(place.kind, place.name, function(object)
        object.metadata.annotations = object.metadata.annotations or {}
        object.metadata.annotations[ANNOTATION] = must(json.encode(settings))
        dig(object, table.unpack(place.path)).multiSiteHA = nil
    end))
end

--- Puts them back.
function multisite.put_back(client, place, settings)
    must(client:update(place.kind, place.name, function(object)
        dig(object, table.unpack(place.path)).multiSiteHA = settings
        if object.metadata.annotations then
            object.metadata.annotations[ANNOTATION] = nil
        end
    end))
end

return multisite
