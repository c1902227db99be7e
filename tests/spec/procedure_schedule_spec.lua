-- Schedules are refused as the server refuses them, but before anything is printed, and with a
-- reason.
local lab = require("support.lab")
local problem = require("salvor.procedure.schedule")

local SCHEDULES = {
    "0 3 * * *", "*/15 0-6,22 1,15 jan-MAR mon", "@daily", "@hourly", "@weekly",
    "5/10 * ? * 0-6/2", "59 23 31 12 6", " 0  3 * * * ",
    "", "0 3 * *", "0 3 * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *",
    "* * * 13 *", "* * * * 7", "*/0 * * * *", "5-1 * * * *", "a * * * *", "*/ * * * *",
    "*/a * * * *", "-1 * * * *", "1- * * * *", "1-2-3 * * * *", "@never", "mon * * * *",
    "1.5 * * * *", "1/2/3 * * * *",
}

lab.describe("a schedule", function()
    local client, api

    setup(function()
        client = lab.client({namespace = "default"})
        api = must(client:kind("cronjobs.batch")).api_version
    end)

    local function refusal(schedule)
        local _, err = client:create({
            apiVersion = api, kind = "CronJob", metadata = {name = "c"},
            spec = {schedule = schedule, jobTemplate = {spec = {template = {spec = {
                restartPolicy = "Never", containers = {{name = "c", image = "i"}}}}}}},
        }, {dry_run = true})
        return err and err.code
    end

    for _, schedule in ipairs(SCHEDULES) do
        it("'" .. schedule .. "' is taken as the server takes it", function()
            assert.are.equal(refusal(schedule), problem(schedule) and "Invalid" or nil)
        end)
    end

    it("that is refused is told why", function()
        assert.are.equal("it has 4 fields, not five", problem("0 3 * *"))
        assert.are.equal("'13' is no month (1 to 12)", problem("* * * 13 *"))
        assert.are.equal("'7' is no day of the week (0 to 6)", problem("* * * * 7"))
        assert.are.equal("'5-1' ends before it begins", problem("5-1 * * * *"))
        assert.are.equal("'*/0' is no minute (0 to 59)", problem("*/0 * * * *"))
        assert.are.equal("'' is no minute (0 to 59)", problem(", * * * *"))
    end)
end)
