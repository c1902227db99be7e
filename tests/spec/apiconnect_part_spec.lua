-- A procedure as a part of another one: what its steps raise, as the whole says it.
local errors = require("salvor.error")
local part = require("salvor.apiconnect.part")

describe("a step of a part", function()
    --- What the whole gets of an error that the step raises.
    local function raised(err)
        local embedded = part.embed({
            id = "site/half", params = {{name = "kit", type = "path"}}, permissions = {},
            steps = {{id = "restore", run = function()
                error(err, 0)
            end}},
        }, "half", {})
        return select(2, pcall(embedded.steps.restore.run, {facts = {}, params = {}}))
    end

    it("names steps and parameters by their names in the whole", function()
        local err = raised(errors.new({code = "Invalid", message = "-p kit=x is none",
                                       hint = "begin a new run without --skip a and --skip b-c"}))
        assert.equal("-p half_kit=x is none", err.message)
        assert.equal("begin a new run without --skip half-a and --skip half-b-c", err.hint)
    end)

    it("loses nothing of what the server said", function()
        local cause = errors.new({code = "Forbidden", op = "get", message = "no", status = 403,
                                  details = {kind = "secrets"}, retryable = true})
        local err = raised(cause)
        assert.same({"Forbidden", "get", "no", 403, {kind = "secrets"}, true, cause},
            {err.code, err.op, err.message, err.status, err.details, err.retryable, err.cause})
    end)

    it("raises what is no error object as it is", function()
        assert.equal("oops", raised("oops"))
    end)
end)
