-- salvor run apic-v10/prepare-management: what is in the kit, and that it is of use on another
-- cluster.
local apic = require("support.apic")
local fs = require("salvor.fs")
local digest = require("salvor.digest")
local dig = require("salvor").dig
local lab = require("support.lab")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local function secret_path(name)
    return "secrets/" .. name .. ".yaml"
end

--- The names that stand in spec.customApplicationCredentials, sorted.
local function credential_names(spec)
    local names = {}
    for index, entry in ipairs(spec.customApplicationCredentials) do
        names[index] = entry.name
    end
    table.sort(names)
    return table.concat(names, " ")
end

--- Every folder and file below, with its permissions: {path = "700"}
local function modes(folder, prefix, found)
    found, prefix = found or {}, prefix or ""
    for _, entry in ipairs(must(fs.list(folder))) do
        local full = fs.join(folder, entry.name)
        if entry.type ~= "link" then
            found[prefix .. entry.name] = string.format("%o", must(fs.stat(full)).mode)
        end
        if entry.type == "folder" then
            modes(full, prefix .. entry.name .. "/", found)
        end
    end
    return found
end

lab.describe("run of apic-v10/prepare-management", function()
    local fixture, result, files

    setup(function()
        fixture = apic.start({spec = {originalUID = "447ea4b3-9514-4a84-a34b-ce0b349838da"}})
        result = fixture:run()
        salvor.expect_code(0, result)
        files = fixture:files()
    end)

    teardown(function()
        fixture:close()
    end)

    describe("saves each secret", function()
        it("with the very data that the cluster has", function()
            for _, secret in pairs(fixture.world.secrets) do
                local saved = must(yaml.load(files[secret_path(secret.name)]))
                assert.same(secret.data, saved.data, secret.name)
            end
        end)

        it("and nothing that ties it to this cluster", function()
            for _, secret in pairs(fixture.world.secrets) do
                local saved = must(yaml.load(files[secret_path(secret.name)]))
                local labels = saved.metadata.labels
                assert.same({apiVersion = "v1", kind = "Secret", type = "Opaque",
                             metadata = {name = secret.name, labels = labels},
                             data = saved.data}, saved)
                assert.equal(secret.name, labels["app.kubernetes.io/name"])
            end
        end)

        it("so that another namespace takes it as it is", function()
            local client <close> = lab.client({namespace = lab.namespace()})
            for _, secret in pairs(fixture.world.secrets) do
                local saved = must(yaml.load(files[secret_path(secret.name)]))
                assert.same(secret.data, must(client:create(saved)).data)
            end
            client:delete("namespaces", client.namespace)
        end)
    end)

    it("saves the resource so that another namespace takes it", function()
        local client <close> = lab.client({namespace = lab.namespace()})
        local saved = must(yaml.load(files["managementcluster.yaml"]))
        local made = must(client:create(saved))
        assert.same(fixture.world:management().spec, made.spec)
        assert.is_nil(saved.status)
        client:delete("namespaces", client.namespace)
    end)

    it("says what the replacement must have before it is created", function()
        local fragment = must(yaml.load(files["recreate.yaml"]))
        assert.equal("ManagementCluster", fragment.kind)
        assert.equal("management", fragment.metadata.name)
        assert.is_nil(files["recreate.yaml"]:find("S3", 1, true))
        local spec = fragment.spec
        assert.equal("82b290a2", spec.siteName)
        assert.equal("447ea4b3-9514-4a84-a34b-ce0b349838da", spec.originalUID)
        assert.same({secretName = "management-enc-key"}, spec.encryptionSecret)
        assert.same(fixture.world:management().spec.databaseBackup, spec.databaseBackup)
        for _, entry in ipairs(spec.customApplicationCredentials) do
            assert.equal("management-" .. entry.name, entry.secretName)
        end
        assert.equal("atm-cred ccli-cred cli-cred cui-cred dsgr-cred governance-cred juhu-cred"
            .. " ui-cred", credential_names(spec))
    end)

    it("notes the settings of the document's table", function()
        local settings = must(yaml.load(files["settings.yaml"]))
        local object = fixture.world:management()
        assert.equal("management", settings.name)
        assert.equal(fixture.namespace, settings.namespace)
        assert.equal("10.0.5.3", settings.version)
        assert.equal("82b290a2", settings.siteName)
        assert.equal("447ea4b3-9514-4a84-a34b-ce0b349838da", settings.originalUID)
        assert.equal(object.metadata.uid, settings.metadataUID)
        assert.equal("management-82b290a2-postgres", settings.databaseCluster)
        assert.same(object.spec.databaseBackup, settings.databaseBackup)
        assert.equal("management-record-1", settings.newestBackup.name)
    end)

    it("has a manifest of each file: digest, size, source and time", function()
        local manifest = fixture:manifest()
        local client <close> = lab.client()
        assert.equal(must(client:get("namespaces", "kube-system")).metadata.uid,
            manifest.cluster.uid)
        assert.equal(client.server, manifest.cluster.server)
        assert.equal(apic.ID, manifest.procedure)
        assert.equal(fixture.world:management().metadata.uid, manifest.system.uid)
        assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", manifest.created)
        for path, data in pairs(files) do
            local entry = manifest.files[path]
            if path ~= "manifest.json" then
                assert.equal(#data, entry.size, path)
                assert.equal(digest.sha256(data), entry.sha256, path)
                assert.matches("^%d%d%d%d%-%d%d%-%d%dT", entry.time)
                assert.equal(fixture.namespace, entry.source.namespace)
            end
        end
        local secret = must(fixture.world.client:get("secrets", "management-enc-key"))
        local source = manifest.files[secret_path("management-enc-key")].source
        assert.same({apiVersion = "v1", kind = "Secret", name = "management-enc-key",
                     namespace = fixture.namespace, uid = secret.metadata.uid,
                     resourceVersion = secret.metadata.resourceVersion}, source)
    end)

    it("is readable by its owner only", function()
        assert.equal("700", string.format("%o", must(fs.stat(fixture.kit)).mode))
        for path, mode in pairs(modes(fixture.kit)) do
            local is_file = path:match("%.yaml$") or path:match("%.json$") or path:match("latest$")
            assert.equal(is_file and "600" or "700", mode, path)
        end
    end)

    it("leaves nothing but the generation", function()
        assert.same({"generations", "latest"}, {must(fs.list(fixture.kit))[1].name,
                                                must(fs.list(fixture.kit))[2].name})
        assert.equal(2, #must(fs.list(fixture.kit)))
    end)

    it("keeps a journal of what it did", function()
        local records = fixture:journal(apic.run_id(result))
        assert.equal("run.begin", records[1].type)
        assert.equal(apic.ID, records[1].procedure)
        assert.equal(fixture.kit, records[1].params.kit)
        assert.same({"run.end", "done"}, {records[#records].type, records[#records].status})
    end)

    it("says what to do next", function()
        salvor.expect(result.stdout, "next: Keep " .. fixture.kit .. " outside this cluster",
            "Prepare the developer portal in the same way now")
        assert.equal("", result.stderr)
        assert.is_nil(result.stdout:find("warning:", 1, true))
    end)
end)

lab.describe("another run of apic-v10/prepare-management", function()
    it("makes a new generation and leaves the one before as it was", function()
        local fixture <close> = apic.start()
        salvor.expect_code(0, fixture:run())
        local first, folder = fixture:files(), fixture:latest()
        fixture.world:patch({spec = {databaseBackup = {schedule = "0 4 * * *"}}})
        salvor.expect_code(0, fixture:run())
        assert.not_equal(folder, fixture:latest())
        assert.same(first, salvor.tree(folder))
        local settings = must(yaml.load(fixture:files()["settings.yaml"]))
        assert.equal("0 4 * * *", settings.databaseBackup.schedule)
    end)

    it("saves a secret as large as the server takes, and values of any look", function()
        local fixture <close> = apic.start()
        local random <close> = assert(io.open("/dev/urandom", "rb"))
        local data = {large = digest.base64(random:read(700 * 1024))}
        local values = {"", "\0", "\n", "---\n...\n", "- a: b\n# c", "\xff\xfe", "~"}
        for index, bytes in ipairs(values) do
            data["value-" .. index] = digest.base64(bytes)
        end
        must(fixture.world.client:patch("secrets", "management-ui-cred", {data = data}))
        salvor.expect_code(0, fixture:run())
        local saved = must(yaml.load(fixture:files()[secret_path("management-ui-cred")]))
        data["credential.json"] = saved.data["credential.json"]
        assert.same(data, saved.data)
    end)

    it("takes a kit's folder that is relative or below home", function()
        local fixture <close> = apic.start()
        local elsewhere = fs.join(fixture.home, "elsewhere")
        must(fs.mkdir(elsewhere))
        salvor.expect_code(0, fixture:run({kit = "kits/one"}, {cwd = elsewhere}))
        assert.truthy(fs.stat(fixture:latest(elsewhere .. "/kits/one") .. "/manifest.json"))
        salvor.expect_code(0, fixture:run({kit = "~/two"}, {cwd = elsewhere}))
        assert.truthy(fs.stat(fixture:latest(fixture.home .. "/two") .. "/manifest.json"))
    end)
end)

lab.describe("apic-v10/prepare-management by version", function()
    local CASES = {
        {version = "10.0.1.2-eus", database = "management-82b290a2-postgres",
         names = "atm-cred ccli-cred cli-cred cui-cred dsgr-cred juhu-cred ui-cred"},
        {version = "10.0.5.1", database = "management-82b290a2-postgres",
         names = "atm-cred ccli-cred cli-cred cui-cred dsgr-cred juhu-cred ui-cred"},
        {version = "10.0.8.1-1110", names = "atm-cred ccli-cred cli-cred cui-cred discovery-cred"
            .. " dsgr-cred governance-cred juhu-cred ui-cred", database = "management-82b290a2-db"},
    }

    for _, case in ipairs(CASES) do
        it(case.version .. ": database and credentials", function()
            local fixture <close> = apic.start({version = case.version})
            salvor.expect_code(0, fixture:run())
            local files = fixture:files()
            assert.equal(case.names, credential_names(must(yaml.load(files["recreate.yaml"])).spec))
            local settings = must(yaml.load(files["settings.yaml"]))
            assert.equal(case.database, settings.databaseCluster)
            assert.equal(fixture.world:backups()[1].status.serverName,
                settings.newestBackup.serverName) -- EDB's alone have one
            assert.equal(fixture.world:management().metadata.uid, settings.originalUID)
        end)
    end

    it("between the two databases: asks which, and takes the answer", function()
        local fixture <close> = apic.start({version = "10.0.7.0"})
        local asked = fixture:run()
        salvor.expect_code(4, asked)
        salvor.expect(asked.stdout, "say which: -p database=crunchy or edb")
        salvor.expect_code(0, fixture:run({database = "crunchy"}))
    end)

    it("saves secrets that it does not know yet, and says so", function()
        local fixture <close> = apic.start()
        must(fixture.world.client:create({
            apiVersion = "v1", kind = "Secret", metadata = {name = "management-new-cred"},
            data = {["credential.json"] = digest.base64("{}")},
        }))
        fixture.world:patch_status({newThingCredentialSecret = "management-new-cred"})
        local result = fixture:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "newThingCredentialSecret is not known to this procedure")
        assert.truthy(fixture:files()["secrets/management-new-cred.yaml"])
        salvor.expect(fixture:files()["recreate.yaml"], "- name: new-cred\n")
    end)

    it("puts the values below the APIConnectCluster that owns the resource", function()
        local fixture <close> = apic.start({name = "apic-mgmt", owner = "apic"})
        salvor.expect_code(0, fixture:run())
        local fragment = must(yaml.load(fixture:files()["recreate.yaml"]))
        assert.equal("apiconnect.ibm.com/v1beta1", fragment.apiVersion)
        assert.equal("APIConnectCluster", fragment.kind)
        assert.equal("apic", fragment.metadata.name)
        assert.equal("apic-mgmt", dig(fragment, "spec", "management", "name"))
        assert.equal("82b290a2", fragment.spec.management.siteName)
        assert.equal("apic-mgmt-enc-key", fragment.spec.management.encryptionSecret.secretName)
    end)
end)

lab.describe("apic-v10/prepare-management -p take_backup=true", function()
    for _, version in ipairs({"10.0.5.3", "10.0.8.0"}) do
        it(version .. ": waits until the backup can be used, and notes it", function()
            local fixture <close> = apic.start({version = version, backups = {}})
            local result = fixture:run({take_backup = "true"})
            salvor.expect_code(0, result)
            local name = "management-" .. apic.run_id(result)
            local settings = must(yaml.load(fixture:files()["settings.yaml"]))
            assert.equal(name, settings.newestBackup.name)
            assert.equal(1, #fixture.world:backups())
            assert.matches("^%d%d%d%d%d%d%d%d", settings.newestBackup.id)
        end)

        it(version .. ": stops with the operator's reason when it fails", function()
            local reason = "unable to reach backup.example.org:\nconnection refused"
            local fixture <close> = apic.start({version = version, faults = {backup = reason}})
            local result = fixture:run({take_backup = "true"})
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "stopped at step take-backup",
                "has failed: unable to reach backup.example.org: connection refused; go on with",
                "salvor run --resume " .. apic.run_id(result))
            assert.equal(1, #salvor.lines(result.stderr:match("salvor: .*")))
            assert.is_nil(fs.stat(fixture.kit))
        end)
    end

    it("says nothing of the age of the one before, which does not count any more", function()
        local fixture <close> = apic.start({backups = {{200000}}})
        local result = fixture:run({take_backup = "true"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "newest usable backup: management-record-1", "took backup")
        assert.is_nil(result.stdout:find("hours allowed", 1, true))
    end)
end)
