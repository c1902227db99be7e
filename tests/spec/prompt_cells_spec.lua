-- Lists of the prompt's client: the objects are those that any client gets, and beside them is what
-- the server shows of them.
local cells = require("salvor.prompt.show.cells")
local eventually = require("support.eventually")
local lab = require("support.lab")
local show = require("salvor.prompt.show")

local DEFINITION = lab.definition("shown.example.com", "gadgets", "Gadget", {
    {name = "Phase", type = "string", jsonPath = ".status.phase"},
    {name = "Hidden", type = "string", jsonPath = ".status.hidden", priority = 1},
})

lab.describe("a list of the prompt's client", function()
    local plain, keeping, namespace

    setup(function()
        namespace = lab.namespace()
        plain = lab.client({namespace = namespace})
        keeping = cells.keep(lab.client({namespace = namespace}))
        must(plain:create(DEFINITION))
        must(plain:wait("crd", DEFINITION.metadata.name))
        for number, phase in ipairs({"Running", "\27[2J\u{202e}bad\nrow"}) do
            must(plain:create({apiVersion = "shown.example.com/v1", kind = "Gadget",
                               metadata = {name = "gadget-" .. number, namespace = namespace},
                               status = {phase = phase, hidden = "x"}}))
        end
        for number = 1, 3 do
            must(plain:create({apiVersion = "v1", kind = "ConfigMap", data = {a = "1"},
                               metadata = {name = "settings-" .. number}}))
        end
    end)

    teardown(function()
        must(plain:delete("crd", DEFINITION.metadata.name))
        keeping._kube:close()
        plain._kube:close()
    end)

    it("has the same objects", function()
        -- Others make and remove what has no namespace.
        for kind, name in pairs({configmaps = false, gadgets = false, namespaces = namespace,
                                 crds = DEFINITION.metadata.name, apiservices = "v1."}) do
            local options = {field_selector = name and "metadata.name=" .. name or nil}
            local list = must(plain:list(kind, options))
            assert.is_truthy(list[1], kind)
            assert.are.same(list, must(keeping:list(kind, options)))
        end
        local wanted = {full = true, limit = 2}
        local first, same = must(plain:list("cm", wanted)), must(keeping:list("cm", wanted))
        -- The version is that of all that is stored, to which others write meanwhile.
        for _, name in ipairs({"continue", "resourceVersion"}) do
            assert.are.equal("string", type(same.metadata[name]))
            first.metadata[name], same.metadata[name] = nil, nil
        end
        assert.are.same(first, same)
    end)

    it("fails as that of any client does", function()
        local list, err = keeping:list("nonsense")
        assert.is_nil(list)
        assert.are.equal("NotFound", err.code)
    end)

    it("is shown as the server does it", function()
        local expected = tostring(must(plain:table("cm"))):gsub("%d+s", "")
        local shown = show.text(must(keeping:list("cm")), {}):gsub("%d+s", "")
        assert.are.equal(expected, shown .. "\n")
        shown = show.text(must(keeping:list("gadgets")), {})
        assert.truthy(shown:find("^NAME +PHASE\ngadget%-1 +Running\ngadget%-2 "))
        assert.is_nil(shown:find("[^\n\32-\126]"))
    end)

    it("has the namespace of each when they were looked for in all of them", function()
        local list = must(keeping:list("gadgets", {all_namespaces = true}))
        assert.truthy(show.text(list, {}):find("^NAMESPACE +NAME +PHASE\nspec%-%w+ +gadget%-1 "))
        assert.truthy(show.text({list[2]}, {}):find("^NAMESPACE "))
        local nodes = must(keeping:list("namespaces", {all_namespaces = true}))
        assert.truthy(show.text(nodes, {}):find("^NAME "))
    end)

    it("is shown so whatever was done to it", function()
        local list = must(keeping:list("cm"))
        local picked = {list[3], list[1]}
        local shown = show.text(picked, {})
        assert.truthy(shown:find("^NAME +DATA +AGE\nsettings%-3 +1 .*\nsettings%-1 +1 "))
        picked[3] = must(plain:get("cm", "settings-2"))
        assert.truthy(show.text(picked, {}):find("^NAME +AGE +STATE\n"))
    end)

    it("has columns only as long as they are those of all its objects", function()
        local old = must(keeping:list("gadgets"))
        must(plain:update("crd", DEFINITION.metadata.name, function(definition)
            definition.spec.versions[1].additionalPrinterColumns[1].name = "Stage"
        end))
        local new = eventually("the new column", function()
            local list = must(keeping:list("gadgets"))
            return show.text(list, {}):find("STAGE", 1, true) and list
        end)
        assert.truthy(show.text({old[1], old[2]}, {}):find("^NAME +PHASE\n"))
        assert.truthy(show.text({old[1], new[2]}, {}):find("^NAME +AGE +STATE\n"))
    end)

    it("says where nothing was found", function()
        assert.are.equal("No resources found in " .. namespace .. " namespace.",
            show.text(must(keeping:list("secrets")), {}))
        local list = must(keeping:list("nodes", {label_selector = "no=such"}))
        assert.are.equal("No resources found", show.text(list, {}))
        list[1] = 5
        assert.are.equal("{5}", show.text(list, {}))
        list[1] = must(plain:get("cm", "settings-1"))
        assert.truthy(show.text(list, {}):find("^NAME +AGE +STATE\nsettings%-1 "))
    end)

    it("does not change what else the client does", function()
        local names = {}
        for object in keeping:each("cm") do
            names[#names + 1] = object.metadata.name
            assert.is_nil(cells.of(object))
        end
        assert.are.same({"settings-1", "settings-2", "settings-3"}, names)
        assert.are.equal("settings-1", must(keeping:get("cm", "settings-1")).metadata.name)
        assert.are.same(must(plain:table("cm")).columns, must(keeping:table("cm")).columns)
    end)
end)
