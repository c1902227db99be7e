-- Sets up backups of an API Connect v10 management subsystem on S3, in one or two data centres.
local apiconnect = require("salvor.apiconnect")
local bucket = require("salvor.apiconnect.configure_s3.bucket")
local management_backup = require("salvor.apiconnect.management_backup")
local settings = require("salvor.apiconnect.configure_s3.settings")
local sites = require("salvor.apiconnect.configure_s3.sites")
local stanza = require("salvor.apiconnect.stanza")
local steps = require("salvor.apiconnect.configure_s3.steps")
local watch = require("salvor.apiconnect.configure_s3.watch")

local function does_not_restart(ctx)
    return not steps.restarts(ctx)
end

--- "the sessions of apic/management and london/apic/management"
local function restart_loss(ctx)
    local names = {}
    for _, site in ipairs(ctx.facts.sites) do
        local context = site.other and ctx.params.other_context
        names[#names + 1] = site.restarts and (context and context .. "/" or "") .. site.namespace
            .. "/" .. site.name or nil
    end
    return "the sessions of " .. table.concat(names, " and ")
end

-- Permissions

local may_have_stanza = management_backup.may_be("crunchy")

local function secret_names(params)
    return {params.credentials, params.ca_secret or settings.NEW_CA_SECRET}
end

--- All of it is needed in each data centre. Which of the two resources is edited shows only when
--- they are read; multiSiteHA is taken out by an update.
local PERMISSIONS = {
    {kind = apiconnect.MANAGEMENT, verbs = {"get", "list", "watch", "patch"}, elsewhere = true},
    {kind = apiconnect.MANAGEMENT, verbs = {"update"}, when = sites.has_other, elsewhere = true},
    {kind = apiconnect.TOP, verbs = {"get", "patch"}, elsewhere = true},
    {kind = apiconnect.TOP, verbs = {"update"}, when = sites.has_other, elsewhere = true},
    {kind = "secrets", verbs = {"get", "create"}, elsewhere = true},
    {kind = "secrets", verbs = {"patch"}, names = secret_names, elsewhere = true},
    {kind = "jobs.batch", verbs = {"get", "list", "watch"}, when = may_have_stanza,
     elsewhere = true},
    {kind = "pods", verbs = {"get", "list", "watch"}, when = may_have_stanza, elsewhere = true},
    {kind = "pods/log", verbs = {"get"}, when = may_have_stanza, elsewhere = true},
    {kind = "pods/exec", verbs = {"create"}, when = may_have_stanza, elsewhere = true},
}

return {
    id = "apic-v10/configure-s3-backup",
    title = "Set up S3 backups of the management subsystem",
    summary = "Checks the bucket, puts the backup settings into the subsystem (of both data "
        .. "centres when there are two), and watches until pgBackRest can use the bucket.",
    document = "IBM API Connect v10: Configuring S3 backup settings for fresh install of the "
        .. "Management subsystem",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"prepare", "destructive"},
    params = {
        {name = "name", type = "name", help = "the ManagementCluster; the only one when left out"},
        {name = "provider", type = "enum", values = {"aws", "ibm", "custom"},
         help = "the S3 provider, needed before 10.0.8; custom from 10.0.2.0 on"},
        {name = "host", type = "string", required = true,
         help = "the S3 endpoint and its region: s3.eu-gb.example.com/eu-standard"},
        {name = "path", type = "string", required = true,
         help = "the bucket, or bucket/folder; there must be nothing in it"},
        {name = "schedule", type = "string", required = true,
         help = "when backups are made, such as '0 3 * * *'; from 10.0.8 on with seconds first"},
        {name = "retain", type = "integer",
         help = "how many full backups are kept (repoRetentionFull); all when left out"},
        {name = "credentials", type = "name", default = "mgmt-backup-secret",
         help = "the Secret with key and keysecret"},
        {name = "access_key", type = "secret", help = "the access key, to make that Secret"},
        {name = "secret_key", type = "secret", help = "the secret key that belongs to it"},
        {name = "ca", type = "path",
         help = "a file with the certificate of a custom provider's authority"},
        {name = "ca_secret", type = "name",
         help = "the Secret with that certificate; custom-server-ca when ca is given"},
        {name = "style", type = "enum", values = {"host", "path"},
         help = "where the bucket stands in a custom provider's URLs; host when left out"},
        {name = "restart_database", type = "boolean", default = false,
         help = "agree that an installed database restarts"},
        {name = "copy_from", type = "url",
         help = "copy this pgBackRest repository to the path first, to take its backups over"},
        management_backup.PARAM,
        {name = "timeout", type = "duration", default = "30m",
         help = "how long each wait for the operator may take"},
        {name = "other_context", type = "string",
         help = "the second data centre's context; this one's when only a namespace is given"},
        {name = "other_namespace", type = "name", help = "the second data centre's namespace"},
        {name = "other_name", type = "name", help = "its ManagementCluster"},
        {name = "other_path", type = "string", help = "its bucket, another one than path's"},
        {name = "other_host", type = "string", help = "its endpoint and region, if not host"},
    },
    elsewhere = sites.elsewhere,
    permissions = PERMISSIONS,
    steps = {
        {
            id = "resource",
            title = "Find the ManagementCluster and where it is edited",
            why = "Below an APIConnectCluster every change is overwritten: that one is edited.",
            check = true,
            run = settings.find,
        },
        {
            id = "settings",
            title = "The settings are right",
            why = "Provider, endpoint and region, path, schedule and retention have their rules by "
                .. "version; two subsystems must not share a bucket.",
            check = true,
            needs = {"resource"},
            run = settings.check,
        },
        {
            id = "multisite",
            title = "Both data centres are known, when there are two",
            why = "The settings can be changed only while multiSiteHA is in neither of them.",
            check = true,
            needs = {"resource"},
            run = settings.check_multisite,
        },
        {
            id = "restart",
            title = "A restart of an installed database was agreed to",
            why = "The database takes other S3 settings only by a restart (restartDB.accept).",
            check = true,
            needs = {"resource", "settings"},
            run = settings.check_restart,
        },
        {
            id = "credentials",
            title = "There are credentials",
            why = "The Secret must have the keys key and keysecret.",
            check = true,
            needs = {"resource"},
            run = bucket.check_credentials,
        },
        {
            id = "certificate",
            title = "A custom provider's certificate is known",
            why = "API Connect verifies the server against the Secret's ca.crt.",
            check = true,
            needs = {"resource", "settings"},
            run = bucket.check_certificate,
        },
        {
            id = "bucket",
            title = "The bucket can be reached and is empty, and nothing removes objects from it",
            why = "stanza-create fails where other backups are, and features of the provider that "
                .. "remove objects leave backups that cannot be restored.",
            check = true,
            needs = {"settings", "credentials", "certificate"},
            run = bucket.check,
        },
        {
            id = "take-multisite-out",
            title = "Take multiSiteHA out of both data centres",
            why = "Two data centres are not to be connected while their backups are set up. What "
                .. "is taken out is kept in the resource itself and in the journal.",
            when = steps.needs_out,
            run = steps.take_out,
            verify = steps.is_out,
            undo = steps.put_back,
        },
        {
            id = "make-credentials",
            title = "Create the Secret with the credentials",
            why = "The operator reads the access key and the secret key from it.",
            when = function(ctx)
                return ctx.facts.makes_secret
            end,
            done = steps.has_credentials,
            run = steps.credentials,
            verify = steps.has_credentials,
        },
        {
            id = "make-certificate",
            title = "Create the Secret with the certificate",
            why = "Its key must be ca.crt.",
            when = function(ctx)
                return ctx.params.ca ~= nil
            end,
            done = steps.has_certificate,
            run = steps.certificate,
            verify = steps.has_certificate,
        },
        {
            id = "copy",
            title = "Copy the old repository to the new path",
            why = "Two subsystems must not use one path, so a recovery gets a copy of its own.",
            when = function(ctx)
                return ctx.params.copy_from ~= nil and ctx.facts.sites[1].changes
            end,
            run = steps.copy,
        },
        {
            id = "configure",
            title = "Put the backup settings in",
            why = "The whole databaseBackup is replaced: fields of SFTP or of another provider "
                .. "would be wrong beside the new ones.",
            when = does_not_restart,
            done = steps.has_settings,
            run = steps.configure,
            verify = steps.has_settings,
        },
        {
            id = "reconfigure",
            title = "Put the backup settings in, and let the database restart",
            why = "An installed database needs restartDB.accept for that: nobody can log in or "
                .. "publish until it is up again.",
            when = steps.restarts,
            destructive = restart_loss,
            done = steps.has_settings,
            run = steps.configure,
            verify = steps.has_settings,
        },
        {
            id = "stanza",
            title = "Watch the stanza being created",
            why = "Only a complete stanza-create Job says that the bucket can be used; the pod's "
                .. "log says why when it fails.",
            when = watch.has_stanza,
            run = watch.stanza,
        },
        {
            id = "ready",
            title = "Wait until the subsystem is up with the new settings",
            why = "It may restart for them.",
            run = watch.ready,
        },
        {
            id = "repository",
            title = "Ask pgBackRest what is in the bucket",
            why = "pgbackrest info answers with JSON whose status tells more than its exit code.",
            when = watch.has_stanza,
            run = watch.repository,
            retry = 3,
        },
        {
            id = "put-multisite-back",
            title = "Put multiSiteHA back, the original active data centre first",
            why = "So that the original active data centre is the active one again.",
            when = steps.is_two,
            done = steps.is_back,
            run = steps.put_back,
            verify = steps.is_back,
        },
    },
    next = function(ctx)
        local lines = {
            "The schedule goes by the time of the node that the postgres-operator pod runs on.",
            "Run apic-v10/prepare-management now: a backup alone cannot be restored elsewhere.",
        }
        if steps.restarts(ctx) then
            lines[#lines + 1] = stanza.STILL_RESTARTS
        end
        return lines
    end,
}
