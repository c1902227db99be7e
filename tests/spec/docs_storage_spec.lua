-- The examples of the documentation that need storage servers (blocks whose language ends in
-- `storage`). They find the bucket and the container `backups` with something in `db`, and the host
-- files.example.com, whose folder /srv/backups the user may write.
local documents = require("support.documents")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

local SALVOR = fs.absolute(os.getenv("SALVOR") or "build/salvor")

local SSH_CONFIG = [[
Host files.example.com
    HostName %s
    Port %d
    User %s
    IdentityFile %s
    UserKnownHostsFile %s
]]

store_lab.describe("the examples with storage", "s3 sftp azure", function(s3, sftp, azure)
    local home, env, bucket, container, path

    setup(function()
        home = must(fs.temporary_folder())
        bucket, path = store_lab.bucket(), store_lab.folder()
        container = store_lab.container()
        must(fs.mkdir(home .. "/.ssh"))
        must(fs.write(home .. "/.ssh/config", SSH_CONFIG:format(sftp.host, sftp.port, sftp.user,
            sftp.ed25519, sftp.known_hosts)))
        env = {HOME = home,
               AWS_ACCESS_KEY_ID = s3.access_key, AWS_SECRET_ACCESS_KEY = s3.secret_key,
               AWS_ENDPOINT_URL = s3.endpoint, AWS_REGION = s3.region, AWS_CA_BUNDLE = false,
               AWS_PROFILE = false,
               AZURE_STORAGE_CONNECTION_STRING = azure.connection_string}
        local opened <close> = must(store.open("s3://" .. bucket, {
            endpoint = s3.endpoint, region = s3.region,
            access_key = s3.access_key, secret_key = s3.secret_key}))
        must(opened:write("db/base.tar", "data"))
        local blobs <close> = must(store.open("az://" .. container, {
            connection_string = azure.connection_string}))
        must(blobs:write("db/base.tar", "data"))
    end)

    teardown(function()
        must(fs.remove_tree(home))
    end)

    --- The names of the documents are those of the test.
    local function translate(text)
        return (text:gsub("s3://backups", "s3://" .. bucket)
            :gsub("az://backups", "az://" .. container)
            :gsub("(files%.example%.com)/srv/backups", "%1" .. path)
            :gsub(" /srv", " " .. home))
    end

    local function run(argv, input)
        local result = must(proc.run(argv, {env = env, stdin = input, timeout = 60}))
        assert.are.equal(0, result.code, result.stdout .. result.stderr)
    end

    for _, document in ipairs(documents.paths()) do
        for _, block in ipairs(documents.blocks(document)) do
            if block.language == "lua storage" then
                it(document .. ", line " .. block.line, function()
                    run({SALVOR, "-"}, translate(block.text))
                end)
            elseif block.language == "console storage" then
                it(document .. ", line " .. block.line, function()
                    for line in translate(block.text):gmatch("%$ salvor ([^\n]+)") do
                        local argv = {SALVOR}
                        for word in line:gmatch("%S+") do
                            argv[#argv + 1] = word
                        end
                        run(argv)
                    end
                end)
            end
        end
    end
end)
