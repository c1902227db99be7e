-- What a procedure script must return: every deviation is named by file and field.
local contract = require("salvor.procedure.contract")

--- A valid procedure.
local function valid()
    return {
        id = "site/valid",
        title = "A title",
        summary = "A summary.",
        systems = {{name = "System", versions = "1 and later"}},
        categories = {"prepare", "destructive"},
        params = {{name = "kit", type = "path", help = "where", required = true},
                  {name = "mode", type = "enum", values = {"a", "b"}, default = "a", help = "how"}},
        permissions = {{kind = "secrets", verbs = {"get"}},
                       {kind = tostring, verbs = {"create"}, namespace = "", when = print},
                       {kind = "pods/exec", verbs = {"create"}, names = print, namespace = print}},
        steps = {
            {id = "look", title = "Look", why = "Because.", check = true, run = print},
            {id = "look-again", title = "Look", why = "Because.", check = true, needs = {"look"},
             run = print},
            {id = "act", title = "Act", why = "Because.", run = print, when = print, done = print,
             verify = print, undo = print, destructive = "the database", timeout = 60, retry = 2},
        },
        next = print,
    }
end

--- What is wrong, how, and what is said.
local CASES = {
    {"no table", function()
        return "text"
    end, "procedure: a table expected, got string"},
    {"nothing", function()
        return nil
    end, "procedure: a table expected, got nil"},
    {"another id", function(p)
        p.id = "site/other"
    end, "procedure.id: is 'site/other', the file's place says 'site/valid'"},
    {"a missing field", function(p)
        p.summary = nil
    end, "procedure.summary: missing"},
    {"a misspelt field", function(p)
        p.permission = {}
    end, "procedure.permission: unknown field"},
    {"a field by number", function(p)
        p[1] = "x"
    end, "procedure.1: unknown field"},
    {"a wrong type", function(p)
        p.next = "text"
    end, "procedure.next: function expected, got string"},
    {"an unknown category", function(p)
        p.categories = {"dangerous"}
    end, "procedure.categories: unknown category 'dangerous'"},
    {"a safe procedure that destroys", function(p)
        p.categories = {"prepare", "safe"}
    end, "steps[3].destructive: the procedure's categories say that it is safe"},
    {"a check that does more", function(p)
        p.categories = {"check"}
    end, "steps[3].check: the procedure's categories say that it only checks"},
    {"a system that is a text", function(p)
        p.systems = {"System"}
    end, "systems[1]: a table expected, got string"},
    {"a system without versions", function(p)
        p.systems[1].versions = nil
    end, "systems[1].versions: missing"},
    {"a parameter's name that no -p could give", function(p)
        p.params[1].name = "my-kit"
    end, "params[1].name: 'my-kit' is not of a-z, 0-9 and '_'"},
    {"a secret in the script", function(p)
        p.params[2] = {name = "password", type = "secret", help = "h", default = "geheim"}
    end, "params[2].default: a secret does not stand in a script"},
    {"a default of what is required", function(p)
        p.params[1].default = "/kit"
    end, "params[1].default: what is required has none"},
    {"a timeout of no time", function(p)
        p.steps[3].timeout = 0
    end, "steps[3].timeout: is a number of seconds above 0"},
    {"half a retry", function(p)
        p.steps[3].retry = 0.5
    end, "steps[3].retry: is a whole number from 0"},
    {"retries below none", function(p)
        p.steps[3].retry = -1
    end, "steps[3].retry: is a whole number from 0"},
    {"a parameter that is no table", function(p)
        p.params[1] = "kit"
    end, "params[1]: a table expected, got string"},
    {"a parameter without help", function(p)
        p.params[1].help = nil
    end, "params[1].help: missing"},
    {"a parameter of unknown type", function(p)
        p.params[1].type = "file"
    end, "params[1].type: unknown type 'file'"},
    {"an enum without values", function(p)
        p.params[2].values = nil
    end, "params[2].values: an enum, and only an enum, lists its values"},
    {"values without an enum", function(p)
        p.params[1].values = {"a"}
    end, "params[1].values: an enum, and only an enum, lists its values"},
    {"a default that is not valid", function(p)
        p.params[2].default = "c"
    end, "params[2].default: parameter 'mode': 'c' is not valid, give one of a, b"},
    {"a parameter that stands there twice", function(p)
        p.params[2].name = "kit"
    end, "params[2].name: 'kit' stands there twice"},
    {"a permission without verbs", function(p)
        p.permissions[1].verbs = nil
    end, "permissions[1].verbs: missing"},
    {"a permission of no verb", function(p)
        p.permissions[1].verbs = {}
    end, "permissions[1].verbs: no verb"},
    {"a permission of a misspelt verb", function(p)
        p.permissions[1].verbs = {"get", "lsit"}
    end, "permissions[1].verbs: unknown verb 'lsit'"},
    {"a permission of every verb", function(p)
        p.permissions[1].verbs = {"*"}
    end, "permissions[1].verbs: unknown verb '*'"},
    {"a permission on a kind without its group", function(p)
        p.permissions[1].kind = "deployments"
    end, "permissions[1].kind: the core group has no 'deployments'; the plural and its group are"
        .. " written as in deployments.apps"},
    {"a permission to create by name", function(p)
        p.permissions[1] = {kind = "secrets", verbs = {"create"}, names = {"a"}}
    end, "permissions[1].names: 'create' is not allowed by name"},
    {"a permission with a misspelt field", function(p)
        p.permissions[1].name = "a"
    end, "permissions[1].name: unknown field"},
    {"a step that is called as the engine's own check", function(p)
        p.steps[1].id = "permissions"
    end, "steps[1].id: 'permissions' is a check of the engine's own"},
    {"no step", function(p)
        p.steps = {}
    end, "procedure.steps: no step"},
    {"a step without a reason", function(p)
        p.steps[3].why = nil
    end, "steps[3].why: missing"},
    {"a step that does nothing", function(p)
        p.steps[3].run = nil
    end, "steps[3].run: missing"},
    {"a misspelt field of a step", function(p)
        p.steps[3].destuctive = true
    end, "steps[3].destuctive: unknown field"},
    {"a step's id in capitals", function(p)
        p.steps[3].id = "Act"
    end, "steps[3].id: 'Act' is not of a-z, 0-9 and '-'"},
    {"two steps of one id", function(p)
        p.steps[3].id = "look"
    end, "steps[3].id: 'look' stands there twice"},
    {"a need that does not come before", function(p)
        p.steps[1].needs = {"act"}
    end, "steps[1].needs: no step 'act' before this one"},
    {"a check that destroys", function(p)
        p.steps[1].destructive = "all"
    end, "steps[1].destructive: a check changes nothing"},
    {"a check behind a change", function(p)
        p.steps[2], p.steps[3] = p.steps[3], p.steps[2]
    end, "steps[3].check: checks come before the first change ('act')"},
}

describe("the contract of a procedure", function()
    it("is kept by a valid one", function()
        local procedure = valid()
        assert.equal(procedure, contract.check(procedure, "site/valid", "file.lua"))
    end)

    for _, case in ipairs(CASES) do
        it("is broken by " .. case[1], function()
            local procedure = valid()
            local replaced = case[2](procedure)
            if case[3]:match("^procedure: ") then
                procedure = replaced
            end
            local ok, err = pcall(contract.check, procedure, "site/valid", "file.lua")
            assert.is_false(ok)
            assert.equal("InvalidScript", err.code)
            assert.equal("file.lua: " .. case[3], err.message)
        end)
    end
end)
