-- salvor.store on Azure Blob, against Microsoft's emulator.
local azure = require("support.azure")
local block = require("salvor.block")
local conformance = require("support.store_conformance")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local proc = require("salvor.proc")
local scripted = require("support.scripted")
local store_lab = require("support.store_lab")

local KiB = 1 << 10
local get, put, expect_error = conformance.get, conformance.put, conformance.expect_error

store_lab.describe("Azure", "azure", function(at)
    local containers = {}
    conformance.run("a container's folder", function(name)
        containers[name] = containers[name] or store_lab.container()
        return azure.open("az://" .. containers[name] .. "/a folder/+/")
    end)

    describe("reaches a container", function()
        local container
        setup(function()
            container = store_lab.container()
        end)

        local function check(options)
            local store = must(azure.open("az://" .. container .. "/x", options))
            must(store:_ask({method = "PUT", query = {restype = "container"},
                             expected = {[409] = true}})) -- the one with TLS is another server
            must(put(store, "a + b/ä", "content"))
            assert.are.equal("content", (get(store, "a + b/ä")))
            assert.are.equal(1, #must(store:list("", {})).items)
            must(store:copy("a + b/ä", "copy", {}))
            assert.are.same({}, must(store:remove({"a + b/ä", "copy"})).failed)
            store:close()
        end

        it("of an account in the path and in the host's name, by HTTP and by HTTPS", function()
            check({})
            check({endpoint = at.tls_endpoint, ca = at.ca})
            check({endpoint = at.host_endpoint})
            check({endpoint = at.tls_host_endpoint, ca = at.ca, account = false})
        end)

        it("with a shared access signature", function()
            check({key = false, sas = at.sas})
            check({key = false, sas = "?" .. at.sas .. "\n"})
            check({key = false, sas = at.endpoint .. "/?" .. at.sas, account = false})
        end)

        it("with a connection string", function()
            local nothing = {key = false, account = false, endpoint = false}
            check(merge(nothing, {connection_string = at.connection_string}))
            check(merge(nothing, {connection_string = "BlobEndpoint=" .. at.endpoint
                .. ";SharedAccessSignature=" .. at.sas}))
        end)

        it("with Medusa's Secret", function()
            check({key = false, account = false, secret = {data = {credentials = digest.base64(
                '{"storage_account": "' .. at.account .. '", "key": "' .. at.key .. '"}')}}})
        end)

        it("with workload identity, as a pod has it", function()
            local entra = scripted.start()
            finally(function() entra:stop() end)
            entra:rules({{method = "POST", path = "/tenant/oauth2/v2.0/token", json = {
                access_token = at.token, expires_in = 3600, token_type = "Bearer"}}})
            local folder = must(fs.temporary_folder())
            local authorities = must(fs.read(at.ca)) .. must(fs.read(entra.folder .. "/ca.crt"))
            must(fs.write(folder .. "/ca.crt", authorities))
            must(fs.write(folder .. "/token", "the service account's token"))
            check({endpoint = at.tls_endpoint, ca = at.ca}) -- makes the container
            local result = must(proc.run({
                os.getenv("SALVOR") or "build/salvor", "store", "cp", folder .. "/token",
                string.format("az://%s/of/identity?endpoint=%s&ca=%s", container, at.tls_endpoint,
                    folder .. "/ca.crt"),
            }, {timeout = 30, env = {
                AZURE_STORAGE_CONNECTION_STRING = false, AZURE_STORAGE_KEY = false,
                AZURE_CLIENT_ID = "client", AZURE_TENANT_ID = "tenant",
                AZURE_FEDERATED_TOKEN_FILE = folder .. "/token", AZURE_AUTHORITY_HOST = entra.url,
            }}))
            assert.are.equal(0, result.code, result.stdout .. result.stderr)
            assert.are.equal(1, #entra:requests())
            local store = must(azure.open("az://" .. container,
                {endpoint = at.tls_endpoint, ca = at.ca}))
            assert.are.equal("the service account's token", (get(store, "of/identity")))
            must(fs.remove_tree(folder))
        end)

        it("and does not trust a server of another authority", function()
            local store = must(azure.open("az://" .. container, {endpoint = at.tls_endpoint}))
            expect_error("Untrusted", "az://" .. container .. "/a", store:stat("a"))
            check({endpoint = at.tls_endpoint, insecure = true})
        end)
    end)

    describe("says what is wrong:", function()
        local container
        setup(function()
            container = store_lab.container()
            must(put(must(azure.open("az://" .. container)), "there", "content"))
        end)

        local function refused(code, options, call)
            local other = must(azure.open("az://" .. container, options))
            local err = expect_error(code, "az://" .. container .. "/there",
                (call or get)(other, "there", "x"))
            assert.are.equal(403, err.status)
            assert.is_truthy(err.message:find("HTTP 403, request " .. err.request_id, 1, true))
            assert.is_nil(tostring(err):find("sig=", 1, true))
            assert.is_nil(tostring(err):find(at.key, 1, true))
            assert.is_false(err.retryable)
            return err
        end

        it("a wrong key", function()
            local err = refused("Unauthorized", {key = digest.base64("wrong")})
            assert.is_truthy(err.message:find("AuthenticationFailed", 1, true), err.message)
            assert.is_truthy(err.hint:find("check the account's name and its key", 1, true))
        end)

        it("a signature that has ended, and one that is for reading only", function()
            refused("Unauthorized", {key = false, sas = at.expired_sas})
            refused("Forbidden", {key = false, sas = at.read_sas}, put)
            local reader = must(azure.open("az://" .. container, {key = false, sas = at.read_sas}))
            assert.are.equal("content", (get(reader, "there")))
            local failed = must(reader:remove({"there"})).failed
            assert.are.equal("Forbidden", failed[1].err.code)
        end)

        it("nobody where nobody may", function()
            local err = refused("Unauthorized", {key = false, anonymous = true})
            assert.is_truthy(err.message:find("anonymous requests are not enough", 1, true))
        end)

        it("a container that is not there", function()
            local none = must(azure.open("az://no-such-container/a"))
            for _, call in ipairs({
                function() return none:list("", {}) end,
                function() return get(none, "x") end,
                function() return put(none, "x", "") end,
                function() return none:stat("x") end,
                function() return none:begin("x", 1, {}) end,
                function() return nil, must(none:remove({"x"})).failed[1].err end,
            }) do
                local err = expect_error("NotFound", "az://no-such-container", call())
                assert.is_truthy(err.message:find("there is no such container at " .. at.endpoint,
                    1, true), err.message)
            end
        end)

        it("names that the servers of Azure would take for others", function()
            local store = azure.new()
            for _, name in ipairs({"a/../b", ".", "a\\b", "./x", "a/."}) do
                for _, call in ipairs({
                    function() return put(store, name, "x") end,
                    function() return get(store, name) end,
                    function() return store:stat(name) end,
                    function() return store:begin(name, 1, {}) end,
                    function() return store:copy("x", name, {item = {size = 1}}) end,
                    function() return store:copy(name, "x", {item = {size = 1}}) end,
                    function() return nil, must(store:remove({name})).failed[1].err end,
                }) do
                    expect_error("Invalid", store.url .. "/", call())
                end
            end
            expect_error("Invalid", store.url, put(store, "ends with a dot.", "x"))
            expect_error("NotFound", store.url, store:stat("ends with a dot."))
        end)

        it("names that are not UTF-8, without asking the server", function()
            local proxy <close> = store_lab.proxy("azure")
            local store = must(azure.open("az://" .. container,
                {endpoint = proxy.url .. "/" .. at.account}))
            for _, name in ipairs({"a\xFF", "\xED\xA0\x80/b", "a\xC3"}) do
                for _, call in ipairs({
                    function() return put(store, name, "x") end,
                    function() return get(store, name) end,
                    function() return store:stat(name) end,
                    function() return store:begin(name, 1, {}) end,
                    function() return store:list(name .. "/") end,
                    function() return nil, must(store:remove({name})).failed[1].err end,
                }) do
                    local err = expect_error("Invalid", store.url, call())
                    assert.is_truthy(err.message:find("UTF-8", 1, true), err.message)
                    assert.is_false(err.retryable)
                end
                assert.is_string(store.features.refuses(name))
            end
            assert.are.equal(0, #proxy:requests())
        end)

        it("new names with control characters, which would make a folder unlistable", function()
            local store = azure.new()
            for _, name in ipairs({"a\1b", "\31", "tab\t", "\127", "a\u{81}", "\u{9F}/b"}) do
                expect_error("Invalid", store.url, put(store, name, "x"))
                expect_error("Invalid", store.url, store:begin(name, 1, {}))
                expect_error("NotFound", store.url, store:stat(name)) -- another program may
            end
            must(put(store, "a\u{A0}\u{20AC}", "x"))
            assert.are.equal(1, #must(store:list("")).items)
        end)
    end)

    describe("blobs", function()
        local store
        setup(function()
            store = azure.new()
        end)

        it("have metadata whose names are identifiers, and their file's time", function()
            must(put(store, "x", "1", {modified = 1717158600.25, metadata = {
                owner = "me and you", ["not-one"] = "x", _a1 = "ä", hdi_isfolder = "true"}}))
            local item = must(store:stat("x"))
            assert.are.same({owner = "me%20and%20you", _a1 = "%C3%A4",
                             mtime = "2024-05-31T12:30:00.25Z"}, item.metadata)
            assert.are.equal("file", item.kind)
            assert.are.same(item.metadata, must(store:list("", {})).items[1].metadata)
        end)

        it("of other kinds are read, and not written", function()
            for _, kind in ipairs({"AppendBlob", "PageBlob"}) do
                local path = "/" .. azure.container_of(store) .. "/" .. kind
                assert(store_lab.azure_request("PUT", path, {headers = {
                    "x-ms-blob-type: " .. kind, "x-ms-blob-content-length: 512"}}))
                local size = kind == "PageBlob" and 512 or 0
                assert.are.equal(size, must(store:stat(kind)).size)
                assert.are.equal(("\0"):rep(size), (get(store, kind)))
                local upload, err = store:begin(kind, 100 * KiB, {fingerprint = "1"})
                if upload then
                    local piece <close> = must(block.new(16))
                    upload, err = upload:part(1, piece:set("x"))
                end
                expect_error("Unsupported", store.url .. "/" .. kind, upload, err)
                assert.is_truthy(err.hint:find("append or page blob", 1, true))
                must(store:remove({kind}))
            end
        end)

        it("that say that they are folders are no files", function()
            assert(store_lab.azure_request("PUT", "/" .. azure.container_of(store) .. "/folder",
                {headers = {"x-ms-blob-type: BlockBlob", "x-ms-meta-hdi_isfolder: true"}}))
            must(put(store, "folder/x", "1"))
            must(put(store, "folder-y", "1"))
            assert.are.equal("folder", must(store:stat("folder")).kind)
            local all = must(store:list("", {}))
            assert.are.same({"folder-y", "folder/x", "x"}, conformance.paths_of(all.items))
            local level = must(store:list("", {delimiter = "/"}))
            assert.are.same({"folder-y", "x"}, conformance.paths_of(level.items))
            assert.are.same({"folder/"}, level.folders)
        end)
    end)
end)
