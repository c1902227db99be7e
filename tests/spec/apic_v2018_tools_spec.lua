-- What apicup and apicops of API Connect v2018 print is read as far as it is understood.
local cassandra = require("salvor.apiconnect.v2018.cassandra")
local record = require("salvor.apiconnect.v2018.record")
local tools = require("salvor.apiconnect.v2018.tools")

-- As the vendor's document shows it.
local LIST = table.concat({
    "Cluster               Namespace     ID                    Timestamp"
        .. (" "):rep(33) .. "Status             ",
    "rf0c7310d07-apiconnect-cc   e2edemo       1537987501522014136   "
        .. "2018-09-26 18:45:01.522014136 +0000 UTC   Complete",
    "rf0c7310d07-apiconnect-cc   e2edemo       1537920006787257385   "
        .. "2018-09-26 00:00:06.787257385 +0000 UTC   Complete",
    "",
}, "\n")

describe("list-backups", function()
    it("is read by the titles of its columns", function()
        local rows, strange = tools.backups(LIST)
        assert.same({}, strange)
        assert.equal(2, #rows)
        assert.same({
            cluster = "rf0c7310d07-apiconnect-cc", namespace = "e2edemo",
            id = "1537987501522014136", status = "Complete", is_plausible = true,
            timestamp = "2018-09-26 18:45:01.522014136 +0000 UTC",
        }, rows[1])
        assert.equal("1537987501522014136", tools.newest(rows).id)
    end)

    it("may have more columns, in another order, and a line before them", function()
        local rows, strange = tools.backups("Connection created\n"
            .. "ID   Size   Status   Timestamp   Cluster   Namespace\n"
            .. "1537987501522014136   3 GB   In Progress   2018-09-26 18:45:01.522014136 +0000 UTC"
            .. "   r-cc   ns\n")
        assert.same({}, strange)
        assert.equal("In Progress", rows[1].status)
        assert.equal("r-cc", rows[1].cluster)
        assert.is_nil(tools.newest(rows))
    end)

    it("has lines that are not understood: they are told and no backups", function()
        for _, line in ipairs({
            "r-cc   ns   1537987501522014136   Complete", -- a cell is missing
            "r-cc   ns   15379875015220141360   2018-09-26 18:45:01.5 +0000 UTC   Complete",
            "r-cc   ns   -5   2018-09-26 18:45:01.5 +0000 UTC   Complete",
            "r-cc   ns   1537987501522014136   2018-13-26 18:45:01 +0000 UTC   Complete",
            "r-cc   ns   1537987501522014136   yesterday   Complete",
            "r-cc   ns   1537987501522014136   2018-09-26 18:45:01.5 +0000 UTC   Complete   x",
        }) do
            local rows, strange = tools.backups(LIST .. line .. "\n")
            assert.equal(2, #rows, line)
            assert.same({(line:gsub("%s+", " "))}, strange)
        end
    end)

    it("without its titles is not understood at all", function()
        local rows, strange = tools.backups("\n1537987501522014136 Complete\n")
        assert.same({}, rows)
        assert.same({"1537987501522014136 Complete"}, strange)
        assert.same({{}, {}}, {tools.backups("")})
    end)

    it("has ids that are their timestamps, to the nanosecond and in any zone", function()
        for text, expected in pairs({
            ["2018-09-26 18:45:01.522014136 +0000 UTC"] = 1537987501522014136,
            ["2018-09-26 20:45:01.522014136 +0200 CEST"] = 1537987501522014136,
            ["2018-09-26 14:15:01.522014136 -0430"] = 1537987501522014136,
            ["2018-09-26 18:45:01.52 +0000 UTC"] = 1537987501520000000,
            ["2018-09-26 18:45:01 +0000 UTC"] = 1537987501000000000,
        }) do
            assert.equal(expected, tools.nanoseconds(text), text)
        end
        for _, text in ipairs({"", "2018-09-26", "2018-09-26 18:45:01", "2018-02-30 18:45:01 +0000",
                               "2018-09-26 18:45:01.1234567891 +0000 UTC"}) do
            assert.is_nil(tools.nanoseconds(text), text)
        end
        local rows = tools.backups((LIST:gsub("18:45:01", "18:45:02")))
        assert.is_false(rows[1].is_plausible)
        assert.equal("1537920006787257385", tools.newest(rows).id)
    end)
end)

local TASKS = [[
Current date/time 2020-04-22T15:08:49.301Z
apicops 0.2.86
Apim Pod version is: 2018.4.1.10 ( apim:2018.4.1-1141-bd7c128 )
No stuck send tasks found
No stuck snapshot tasks found
No stuck heartbeat tasks found
No stuck manage-stale-catalog-webhooks tasks found
No stuck manage-stale-cloud-webhooks tasks found
]]

describe("list-stuck-tasks", function()
    it("is empty when each line says so", function()
        assert.same({version = "2018.4.1.10", is_empty = true, lines = {}},
            tools.stuck_tasks(TASKS))
    end)

    it("is not when one says anything else, or none says anything", function()
        local found = tools.stuck_tasks(TASKS:gsub("No stuck heartbeat tasks found",
            "Task 1 is stuck"))
        assert.same({"Task 1 is stuck"}, found.lines)
        assert.is_false(found.is_empty)
        assert.is_false(tools.stuck_tasks(TASKS:match("^(.-)No stuck")).is_empty)
    end)

    it("disturbs no terminal", function()
        local found = tools.stuck_tasks(TASKS .. "\27[2Jtask\7\n")
        assert.same({"\\x1b[2Jtask\\x07"}, found.lines)
        local _, strange = tools.backups("\27[2J\n")
        assert.same({"\\x1b[2J"}, strange)
    end)

    it("is no such text without the version", function()
        for _, text in ipairs({"", "Error: no pods", "No stuck send tasks found\n"}) do
            assert.is_nil(tools.stuck_tasks(text))
        end
    end)
end)

describe("a version of v2018", function()
    it("is told with its fix, however that is written", function()
        for _, text in ipairs({"2018.4.1.9 iFix1.0", "2018.4.1.9-ifix1.0", "2018.4.1.9iFix1.0"}) do
            assert.is_true(record.is_same_version(text, "2018.4.1.9-ifix1.0"), text)
            assert.is_true(record.has_stuck_tasks(text), text)
        end
        assert.is_true(record.has_stuck_tasks("2018.4.1.10"))
        assert.is_false(record.has_stuck_tasks("2018.4.1.9"))
        assert.is_false(record.is_same_version("2018.4.1.9", "2018.4.1.9-ifix1.0"))
        for _, text in ipairs({"latest", "", "v2018.4", "2018.4.1.9; rm"}) do
            assert.is_falsy(record.version(text), text)
        end
    end)
end)

describe("the database that is waited for", function()
    local ready, failed = cassandra.watching({status = "completed", version = "7"})

    local function cluster(status, version, field)
        return {apiVersion = "apic.ibm.com/v1", kind = "CassandraCluster",
                metadata = {name = "cc", resourceVersion = version},
                status = {[field or "ClusterRestoreStatus"] = status}}
    end

    it("is not restored as long as its status is the old one, and nothing has changed", function()
        assert.is_false((ready(cluster("completed", "7"))))
        assert.is_false((ready(cluster("Running Restore of keyspaces", "8"))))
        assert.is_true((ready(cluster("completed", "8"))))
    end)

    it("has not failed as long as its status is that of an earlier failure", function()
        local old = "Restore prelim checks failed for cc-0"
        local _, failed_again = cassandra.watching({status = old, version = "7"})
        for _, field in ipairs({"ClusterRestoreStatus", "CassandraRestoreStatus"}) do
            assert.is_false((failed_again(cluster(old, "8", field))))
            assert.is_true((failed(cluster(old, "8", field))))
        end
    end)
end)
