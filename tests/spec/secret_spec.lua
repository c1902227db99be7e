local secret = require("salvor.secret")

describe("salvor.secret", function()
    local VALUE = "s3cr3t/va+lue"

    setup(function()
        assert.is_true(secret.add(VALUE))
    end)

    teardown(function()
        secret.remove(VALUE)
    end)

    it("masks a value wherever it is", function()
        assert.are.equal("x *** y ***", secret.mask("x " .. VALUE .. " y " .. VALUE))
        assert.are.equal("nothing", secret.mask("nothing"))
        assert.are.equal("", secret.mask(""))
    end)

    it("masks what it looks like elsewhere", function()
        for _, text in ipairs({
            "czNjcjN0L3ZhK2x1ZQ==", "czNjcjN0L3ZhK2x1ZQ", -- alone
            "s3cr3t%2Fva%2Blue", "s3cr3t%2fva%2blue", "s3cr3t/va%2Blue", "s3cr3t\\/va+lue",
        }) do
            assert.are.equal("<***>", secret.mask("<" .. text .. ">"))
        end
        -- "user:" .. VALUE .. "\n", as in a header
        local masked = secret.mask("dXNlcjpzM2NyM3QvdmErbHVlCg==")
        assert.is_truthy(masked:match("^dXNlcj.?%*%*%*.?.?.?.?=*$"))
    end)

    it("leaves values alone that are too short", function()
        assert.is_false(secret.add("yes"))
        assert.is_false(secret.add("\n\n\n\n\n\n\n"))
        assert.are.equal("yes", secret.mask("yes"))
    end)

    it("forgets", function()
        secret.add("hunter2")
        secret.remove("hunter2")
        secret.remove("never added")
        assert.are.equal("hunter2", secret.mask("hunter2"))
    end)

    it("takes strings only", function()
        assert.has_error(function() secret.add(nil) end)
        assert.has_error(function() secret.mask({}) end)
    end)
end)
