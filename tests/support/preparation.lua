--- An operator who makes a recovery kit of a simulated API Connect v10: what both procedures that
--- prepare a subsystem for a disaster are tested with.
local busted = require("busted")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local luassert = require("luassert")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local salvor = require("support.salvor")

local preparation = {run_id = operation.run_id}

local Fixture = operation.new_class()

function Fixture:common_params()
    return merge({kit = self.kit}, self.common)
end

--- The folder of the latest generation of the kit in a folder.
function preparation.latest(kit)
    return fs.join(kit, (must(fs.read(fs.join(kit, "latest"))):gsub("\n", "")))
end

--- The same of the kit in the folder `kit`, this fixture's when nil.
function Fixture:latest(kit)
    return preparation.latest(kit or self.kit)
end

function Fixture:manifest()
    return must(json.decode(must(fs.read(fs.join(self:latest(), "manifest.json")))))
end

--- What the latest generation holds: {path = data}
function Fixture:files()
    return salvor.tree(self:latest())
end

--- Everything that a plan could have changed. What is in the cache is nothing but remembered.
function Fixture:everything()
    local home = salvor.tree(self.home)
    for path in pairs(home) do
        home[path] = not path:find("^cache/") and home[path] or nil
    end
    return {objects = self.world:snapshot(), home = home, kit = fs.stat(self.kit)}
end

--- Raises when the text holds a value of a world's secrets, raw or in base64; the name of a user
--- is none.
function preparation.expect_no_secret(secrets, what, text)
    for _, secret in pairs(secrets) do
        for key, encoded in pairs(secret.data) do
            local plain = digest.unbase64(encoded) or ""
            if key ~= "username" and #plain >= 8
                and (text:find(plain, 1, true) or text:find(encoded, 1, true)) then
                error(what .. " holds a secret value of " .. secret.name .. ":\n" .. text, 2)
            end
        end
    end
end

function Fixture:expect_no_secret(what, text)
    preparation.expect_no_secret(self.world.secrets, what, text)
end

--- start(id, world, options of the world) -> fixture: an operation, with `kit` (a folder of its
--- home unless options.kit says which). options.common: parameters of every command.
function preparation.start(id, world, options)
    local given = merge(options)
    given.kubeconfig = given.kubeconfig or lab.kubeconfig()
    given.namespace = given.namespace or lab.namespace()
    local fixture = setmetatable(operation.start({
        id = given.id or id,
        world = world.start(given),
        kubeconfig = given.kubeconfig,
        namespace = given.namespace,
        common = given.common,
    }), Fixture)
    fixture.kit = given.kit or fs.join(fixture.home, "kit")
    return fixture
end

--- A class of such fixtures with methods of its own.
function preparation.new_class()
    local class = merge(Fixture)
    class.__index = class
    return class
end

local function spoiled(start, case)
    local fixture = start(case.options)
    if case.spoil then
        case.spoil(fixture)
    end
    return fixture
end

--- Tests of the checks, inside a describe(): each says exactly what is wrong and what to do, ends
--- with 4, writes no kit and changes no object. start(options) -> fixture; a case is {title,
--- options of the world, spoil(fixture), params, says (a list of what is told)}.
function preparation.refuses(start, cases)
    for _, case in ipairs(cases) do
        busted.it(case[1], function()
            local fixture <close> = spoiled(start, case)
            local objects, kit = fixture.world:snapshot(), fs.stat(fixture.kit)
            local result = fixture:run(case.params)
            salvor.expect_code(4, result)
            salvor.expect(result.stdout, "a check failed: nothing was changed",
                table.unpack(case.says))
            luassert.equal("", result.stderr)
            luassert.is_nil(result.stdout:find("[\1-\9\11-\31\127]"))
            luassert.same(objects, fixture.world:snapshot())
            luassert.same(kit, fs.stat(fixture.kit))
        end)
    end
end

--- Tests of what is said though the run is done; cases as for refuses().
function preparation.warns(start, cases)
    for _, case in ipairs(cases) do
        busted.it(case[1], function()
            local fixture <close> = spoiled(start, case)
            local result = fixture:run(case.params)
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "warning: ", table.unpack(case.says))
        end)
    end
end

return preparation
