local neat = require("salvor.k8s").neat
local salvor = require("salvor")

describe("neat", function()
    local function full()
        return {
            apiVersion = "v1",
            kind = "Secret",
            metadata = {
                name = "s", namespace = "n", uid = "u", resourceVersion = "1", generation = 2,
                creationTimestamp = "2024-01-01T00:00:00Z", selfLink = "/x",
                managedFields = salvor.list({}),
                ownerReferences = salvor.list({{name = "o"}}), finalizers = salvor.list({"f"}),
                deletionTimestamp = "2024-01-02T00:00:00Z", deletionGracePeriodSeconds = 0,
                labels = {a = "b"},
                annotations = {
                    mine = "1",
                    ["kubectl.kubernetes.io/last-applied-configuration"] = "{}",
                },
            },
            type = "Opaque",
            data = {["a.b"] = "AAEC/w==\n", empty = ""},
            status = {phase = "x"},
        }
    end

    it("keeps what makes the object and nothing the cluster added", function()
        assert.are.same({
            apiVersion = "v1",
            kind = "Secret",
            metadata = {name = "s", namespace = "n", labels = {a = "b"},
                        annotations = {mine = "1"}},
            type = "Opaque",
            data = {["a.b"] = "AAEC/w==\n", empty = ""},
        }, neat(full()))
    end)

    it("leaves its argument as it is", function()
        local object = full()
        neat(object)
        assert.are.same(full(), object)
    end)

    it("is the same twice", function()
        assert.are.same(neat(full()), neat(neat(full())))
    end)

    it("drops annotations that would be empty", function()
        local object = full()
        object.metadata.annotations.mine = nil
        assert.is_nil(neat(object).metadata.annotations)
    end)

    it("keeps empty maps and lists, null and their kinds", function()
        local object = {
            apiVersion = "apps/v1",
            kind = "Deployment",
            metadata = {name = "d"},
            spec = {
                template = {
                    metadata = {creationTimestamp = salvor.null, labels = {}},
                    spec = {volumes = salvor.list({{name = "v", emptyDir = {}}}),
                            tolerations = salvor.list({}), x = salvor.null},
                },
            },
        }
        local template = neat(object).spec.template
        assert.are.same({labels = {}}, template.metadata)
        assert.are.same({}, template.spec.volumes[1].emptyDir)
        assert.is_true(salvor.is_list(template.spec.tolerations))
        assert.is_true(salvor.is_list(template.spec.volumes))
        assert.are.equal(salvor.null, template.spec.x)
    end)

    it("lets a pod be placed anew", function()
        local pod = neat({apiVersion = "v1", kind = "Pod", metadata = {name = "p"}, spec = {
            nodeName = "node1", serviceAccount = "default", serviceAccountName = "default",
            volumes = salvor.list({{name = "kube-api-access-x7k2p"}}),
            containers = salvor.list({{name = "c", volumeMounts = salvor.list({
                {name = "kube-api-access-x7k2p"}, {name = "mine"}})}}),
        }})
        assert.are.same({serviceAccountName = "default", containers = {
            {name = "c", volumeMounts = {{name = "mine"}}}}}, pod.spec)
    end)

    it("lets a job be made anew", function()
        local job = {apiVersion = "batch/v1", kind = "Job",
                     metadata = {name = "j", labels = {["controller-uid"] = "u", mine = "1"}},
                     spec = {selector = {matchLabels = {["controller-uid"] = "u"}},
                             template = {metadata = {labels = {["controller-uid"] = "u",
                                                               ["job-name"] = "j"}}}}}
        local new = neat(job)
        assert.are.same({mine = "1"}, new.metadata.labels)
        assert.are.same({template = {metadata = {}}}, new.spec)
        job.spec.manualSelector = true
        assert.is_table(neat(job).spec.selector)
    end)

    it("frees addresses and volumes that the cluster chose", function()
        local service = {apiVersion = "v1", kind = "Service", metadata = {name = "s"},
                         spec = {clusterIP = "10.0.0.1", clusterIPs = {"10.0.0.1"},
                                 type = "ClusterIP"}}
        assert.are.same({type = "ClusterIP"}, neat(service).spec)
        service.spec.clusterIP = "None"
        assert.are.equal("None", neat(service).spec.clusterIP)
        local claim = {apiVersion = "v1", kind = "PersistentVolumeClaim", metadata = {name = "c",
            annotations = {["pv.kubernetes.io/bound-by-controller"] = "yes",
                           ["pv.kubernetes.io/bind-completed"] = "yes"}},
            spec = {volumeName = "pv1"}}
        assert.is_nil(neat(claim).spec.volumeName)
        assert.is_nil(neat(claim).metadata.annotations)
        claim.metadata.annotations = nil
        assert.are.equal("pv1", neat(claim).spec.volumeName)
        local account = neat({apiVersion = "v1", kind = "ServiceAccount", metadata = {name = "sa"},
                              secrets = salvor.list({{name = "sa-token-ab1cd"},
                                                     {name = "mine"}})})
        assert.are.same({{name = "mine"}}, account.secrets)
    end)

    it("knows kinds by their group", function()
        local other = {apiVersion = "serving.example/v1", kind = "Service", metadata = {name = "s"},
                       spec = {clusterIP = "10.0.0.1"}}
        assert.are.equal("10.0.0.1", neat(other).spec.clusterIP)
    end)

    it("takes lists", function()
        local list = neat({apiVersion = "v1", kind = "SecretList",
                           metadata = {resourceVersion = "1"},
                           items = salvor.list({full(), full()})})
        assert.is_nil(list.metadata)
        assert.are.equal(2, #list.items)
        assert.is_nil(list.items[2].status)
        local plain = neat(salvor.list({full()}))
        assert.is_true(salvor.is_list(plain))
        assert.are.equal("s", plain[1].metadata.name)
        assert.has_error(function()
            neat("text")
        end)
    end)

    it("keeps a generated name only when there is no other", function()
        local metadata = {generateName = "g-"}
        assert.are.same({generateName = "g-"}, neat({kind = "X", metadata = metadata}).metadata)
        metadata.name = "g-1"
        assert.are.same({name = "g-1"}, neat({kind = "X", metadata = metadata}).metadata)
    end)
end)
