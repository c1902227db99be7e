-- salvor store on objects that are not there or not to be read: what the server said stands in the
-- error, so that its operator can find the request.
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

--- `at()` -> the URL of a bucket, a query, the environment that has the credentials, and what is
--- another in one that has wrong ones.
local function says_what_is_missing(at)
    local folder, root, query, env, wrong

    setup(function()
        folder = must(fs.temporary_folder())
        root, query, env, wrong = at()
    end)

    teardown(function()
        must(fs.remove_tree(folder))
    end)

    local function fails(words, changes)
        local result = salvor.run({"store", table.unpack(words)},
            {home = folder, cwd = folder, env = merge(env, changes)})
        salvor.expect_code(1, result)
        assert.are.equal("", result.stdout)
        local lines = salvor.lines(result.stderr)
        return lines[#lines]
    end

    it("names URL, status and request of an object that is not there", function()
        for _, words in ipairs({{"stat"}, {"cat"}, {"rm"}, {"cp", "-q"}}) do
            local command = words[1]
            words[#words + 1] = root .. "/no/object" .. query
            words[#words + 1] = command == "cp" and "to" or nil
            assert.matches("^salvor: store%.%a+: " .. root:gsub("%p", "%%%0") .. "/no/object does "
                .. "not exist %(HTTP 404, request [%w-]+%); ", fails(words))
        end
        assert.is_nil(fs.stat(folder .. "/to"))
    end)

    it("lists nothing of an empty store, and names a prefix below which nothing lies", function()
        local function list(...)
            return salvor.run({"store", "ls", ...}, {home = folder, cwd = folder, env = env})
        end
        salvor.expect_code(0, list(root .. query))
        salvor.expect_code(0, list(root .. "/" .. query))
        assert.are.equal("[]\n", list("--output", "json", root .. query).stdout)
        for _, words in ipairs({{"/no/prefix"}, {"/no/prefix/"}, {"/no/prefix", "-r"},
                                {"/no/prefix", "--output", "json"}}) do
            local line = fails({"ls", root .. words[1] .. query, table.unpack(words, 2)})
            salvor.expect(line, "salvor: store.list: " .. root .. "/no/prefix", " does not exist",
                "nothing lies below this name")
        end
    end)

    it("does not call missing what it may not see", function()
        for _, command in ipairs({"stat", "cat", "rm"}) do
            local line = fails({command, root .. "/no/object" .. query}, wrong)
            assert.matches("%(HTTP 403, request [%w-]+%)", line)
            assert.is_nil(line:find("does not exist", 1, true), line)
        end
    end)
end

store_lab.describe("salvor store on S3", "s3", function(s3)
    says_what_is_missing(function()
        return "s3://" .. store_lab.bucket(), "?endpoint=" .. s3.endpoint,
            {AWS_ACCESS_KEY_ID = s3.access_key, AWS_SECRET_ACCESS_KEY = s3.secret_key},
            {AWS_SECRET_ACCESS_KEY = "another"}
    end)
end)

store_lab.describe("salvor store on Azure", "azure", function(azure)
    says_what_is_missing(function()
        return "az://" .. store_lab.container(), "?endpoint=" .. azure.endpoint,
            {AZURE_STORAGE_CONNECTION_STRING = false, AZURE_STORAGE_KEY = azure.key},
            {AZURE_STORAGE_KEY = "d3Jvbmc="}
    end)
end)
