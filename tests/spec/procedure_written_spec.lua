-- Which fields of an object the journal keeps of a write: those that the write has set, as digests.
local keys = require("salvor").keys
local null = require("salvor").null
local written = require("salvor.procedure.written")

local RESOURCE = {api_version = "v1", kind = "ConfigMap"}

--- What is kept of the write, whose answer is that object.
local function kept(write, answer)
    write.resource, write.name, write.namespace = write.resource or RESOURCE, "c", "n"
    local recorded, result = written.recording(write)
    if recorded.change then
        recorded.change(answer)
    end
    return result(answer)
end

local function fields(write, answer)
    return keys(kept(write, answer).fields)
end

describe("of a write is kept", function()
    it("which object it was, and in what version", function()
        assert.same({api = "v1", kind = "ConfigMap", namespace = "n", name = "c", uid = "u",
                     resourceVersion = "7", fields = {}},
            kept({verb = "patch", patch_type = "merge", body = {}},
                {metadata = {uid = "u", resourceVersion = "7"}}))
    end)

    it("each field of a body, what it takes away too", function()
        assert.same({"/data/a", "/data/b", "/metadata/labels/x~1y"},
            fields({verb = "patch", patch_type = "merge", body = {
                data = {a = "1", b = null}, metadata = {name = "c", labels = {["x/y"] = "z"}},
            }}, {data = {a = "1"}, metadata = {}}))
    end)

    it("the items of a list by their places, but plain values as one", function()
        local body = {spec = {containers = {{image = "a"}, {image = "b"}}, args = {"x", "y"}}}
        assert.same({"/spec/args", "/spec/containers/0/image", "/spec/containers/1/image"},
            fields({verb = "replace", body = body}, body))
    end)

    it("of a status its own fields, and of all else no status", function()
        local body = {spec = {a = 1}, status = {b = 2}}
        assert.same({"/status/b"}, fields({verb = "patch", patch_type = "merge", body = body,
                                           subresource = "status"}, body))
        assert.same({"/spec/a"}, fields({verb = "replace", body = body}, body))
    end)

    it("the places of a JSON patch, a whole list where it is added to its end", function()
        assert.same({"/data/a", "/metadata/finalizers"}, fields({
            verb = "patch", patch_type = "json", body = {
                {op = "test", path = "/data/x", value = "1"}, {op = "remove", path = "/data/a"},
                {op = "add", path = "/metadata/finalizers/-", value = "f"},
            },
        }, {metadata = {finalizers = {"f"}}}))
    end)

    it("what an update has changed of what was there, and nothing when it has not", function()
        local function update(change)
            return kept({verb = "update", change = change}, {data = {a = "1", b = "2"}}).fields
        end
        assert.same({"/data/a"}, keys(update(function(object)
            object.data.a = "9"
        end)))
        assert.same({"/data/a", "/data/b", "/data/c"}, keys(update(function()
            return {data = {c = "3"}}
        end)))
        assert.is_nil(update(function(object)
            object.data.a = "9"
            return false
        end))
    end)

    it("the replicas of a scaling, none among them", function()
        local some = kept({verb = "scale", body = {spec = {replicas = 3}}}, {spec = {replicas = 3}})
        assert.same({"/spec/replicas"}, keys(some.fields))
        assert.same(some.fields, kept({verb = "scale", change = function() end},
            {spec = {replicas = 3}}).fields)
        local none = kept({verb = "scale", body = {spec = {replicas = 0}}}, {spec = {}})
        assert.is_string(none.fields["/spec/replicas"])
        assert.are_not.equal(some.fields["/spec/replicas"], none.fields["/spec/replicas"])
    end)

    it("of a Secret no field", function()
        assert.is_nil(kept({verb = "create", body = {stringData = {a = "1"}},
                            resource = {api_version = "v1", kind = "Secret"}},
            {data = {a = "MQ=="}}).fields)
    end)

    it("that it has deleted the object, or which ones of a collection", function()
        assert.is_true(kept({verb = "delete"}, {}).deleted)
        local result = select(2, written.recording({verb = "delete", resource = RESOURCE}))
        assert.same({"a", "b"}, result({items = {{metadata = {name = "a"}},
                                                 {metadata = {name = "b"}}}}).names)
    end)
end)
