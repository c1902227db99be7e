-- What a bucket removes, moves or locks by itself, as the gateway tells it.
local fs = require("salvor.fs")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

store_lab.describe("store:retention", "s3", function(at)
    local bucket

    before_each(function()
        bucket = store_lab.bucket()
    end)

    --- What is said of s3://bucket/folder, to the owner or to another user.
    local function ask(user)
        local s <close> = must(store.open("s3://" .. bucket .. "/folder", {
            endpoint = at.endpoint, region = at.region,
            access_key = at[(user or "") .. "access_key"],
            secret_key = at[(user or "") .. "secret_key"],
        }))
        return s:retention()
    end

    local function lifecycle(...)
        store_lab.configure_bucket(bucket, "lifecycle", "<LifecycleConfiguration>"
            .. table.concat({...}) .. "</LifecycleConfiguration>")
    end

    local function rule(id, prefix, action, status)
        return string.format("<Rule><ID>%s</ID><Filter><Prefix>%s</Prefix></Filter>"
            .. "<Status>%s</Status>%s</Rule>", id, prefix, status or "Enabled", action)
    end

    local EXPIRE = "<Expiration><Days>30</Days></Expiration>"

    it("finds nothing in a new bucket", function()
        assert.are.same({rules = {}}, must(ask()))
    end)

    it("finds the rules that concern what is below, by name and by what they do", function()
        lifecycle(rule("all", "", EXPIRE), rule("inside", "folder/backup/", EXPIRE))
        assert.are.same({
            {id = "all", prefix = "", does = "removes objects"},
            {id = "inside", prefix = "folder/backup/", does = "removes objects"},
        }, must(ask()).rules)
    end)

    it("leaves out rules for other names, those that are off, and unfinished uploads", function()
        lifecycle(rule("other", "another/", EXPIRE), rule("off", "folder/", EXPIRE, "Disabled"),
            rule("parts", "folder/", "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7"
                .. "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"))
        assert.are.same({rules = {}}, must(ask()))
    end)

    it("tells of a lock that every object gets", function()
        bucket = store_lab.locking_bucket()
        assert.are.equal("3 Days, GOVERNANCE", must(ask()).lock)
    end)

    it("says so when the user may not ask, or there is no bucket", function()
        local found, err = ask("stranger_")
        assert.is_nil(found)
        assert.are.equal("Forbidden", err.code)
        bucket = bucket .. "-none"
        found, err = ask()
        assert.is_nil(found)
        assert.are.equal("NotFound", err.code)
    end)

    it("is of S3 alone", function()
        local folder = must(fs.temporary_folder())
        local s <close> = must(store.open(folder))
        local found, err = s:retention()
        assert.is_nil(found)
        assert.are.equal("Unsupported", err.code)
        must(fs.remove_tree(folder))
    end)
end)
