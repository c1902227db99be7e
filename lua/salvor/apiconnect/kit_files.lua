--- The files of the recovery kit of a subsystem of API Connect v10, as apic-v10/prepare-management
--- and prepare-portal write them and recoveries read them.
local kit_files = {}

--- The part of the replacement that makes it take over, and what is noted of the old subsystem.
kit_files.RECREATE = "recreate.yaml"
kit_files.SETTINGS = "settings.yaml"

--- resource("ManagementCluster") -> the file of the old resource.
function kit_files.resource(kind)
    return kind:lower() .. ".yaml"
end

--- secret(name) -> the file of the Secret of that name.
function kit_files.secret(name)
    return "secrets/" .. name .. ".yaml"
end

return kit_files
