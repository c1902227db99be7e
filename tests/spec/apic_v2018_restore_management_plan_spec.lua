-- salvor plan apic-v2018/restore-management tells what a run would do, and changes nothing.
local apic = require("support.apic_v2018")
local lab = require("support.lab")
local salvor = require("support.salvor")

--- {"step: verb target"} of a plan.
local function effects_of(plan)
    local list = {}
    for _, step in ipairs(plan.steps) do
        for _, effect in ipairs(step.effects) do
            list[#list + 1] = step.step .. ": " .. effect.verb .. " " .. effect.target
        end
    end
    return list
end

lab.describe("plan of apic-v2018/restore-management", function()
    local CASES = {
        {
            "into the running subsystem",
            expected = function(fixture)
                return {
                    "restore: execute apicup subsys exec mgmt restore " .. apic.BACKUP,
                    "watch: wait for the restore job, and the status completed of "
                        .. fixture.world.cluster,
                    "stuck-tasks: execute apicops task-queue:fix-stuck-tasks -n "
                        .. fixture.namespace,
                }
            end,
        },
        {
            "after a disaster",
            options = {disaster = true},
            params = {registry = "new.example.org"},
            expected = function(fixture)
                return {
                    "copy-project: copy " .. fixture.project .. " to " .. fixture.workspace,
                    "set-registry: execute apicup subsys set mgmt registry new.example.org",
                    "set-registry: execute apicup subsys set gwy registry new.example.org",
                    "set-registry: execute apicup subsys set a7s registry new.example.org",
                    "set-registry: execute apicup subsys set portal registry new.example.org",
                    "install: execute apicup subsys install mgmt",
                    "install: wait for 3 Cassandra pods",
                    "restore: execute apicup subsys exec mgmt restore " .. apic.BACKUP,
                    "watch: wait for the restore job, and the status completed of the new"
                        .. " CassandraCluster",
                    "stuck-tasks: execute apicops task-queue:fix-stuck-tasks -n "
                        .. fixture.namespace,
                }
            end,
        },
    }

    for _, case in ipairs(CASES) do
        it(case[1] .. ": lists everything in its order, and changes nothing", function()
            local fixture <close> = apic.start(case.options or {})
            local before = fixture:everything()
            local plan, result = fixture:plan_json(case.params)
            salvor.expect_code(0, result)
            assert.same(case.expected(fixture), effects_of(plan))
            assert.same(before, fixture:everything())
            assert.is_nil(result.stdout:find(apic.PASSWORD, 1, true))
        end)
    end

    it("refuses parameters that are none", function()
        local fixture <close> = apic.start({disaster = true})
        for name, value in pairs({backup_id = "1", stall = "soon", disaster = "maybe",
                                  registry_secret = "Not A Name"}) do
            local result = fixture:plan({[name] = value})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, name)
        end
        salvor.expect_code(2, fixture:plan({record = false}))
    end)
end)
