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

    it("lets a pod be placed anew, with a token of its new account", function()
        local pod = neat({apiVersion = "v1", kind = "Pod", metadata = {name = "p"}, spec = {
            nodeName = "node1", serviceAccount = "robot", serviceAccountName = "robot",
            priority = 0, preemptionPolicy = "PreemptLowerPriority",
            ephemeralContainers = salvor.list({{name = "debugger"}}),
            volumes = salvor.list({
                {name = "kube-api-access-x7k2p", projected = {sources = salvor.list({})}},
                {name = "robot-token-ab1cd", secret = {secretName = "robot-token-ab1cd"}},
                {name = "default-token-xy", secret = {secretName = "default-token-xy"}},
                {name = "default-token-x", emptyDir = {}},
                {name = "kube-api-access-own", emptyDir = {}},
            }),
            initContainers = salvor.list({{name = "i", volumeMounts = salvor.list({
                {name = "robot-token-ab1cd"}})}}),
            containers = salvor.list({{name = "c", volumeMounts = salvor.list({
                {name = "kube-api-access-x7k2p"}, {name = "robot-token-ab1cd"},
                {name = "default-token-xy"}, {name = "default-token-x"},
                {name = "kube-api-access-own"}})}}),
        }})
        assert.are.same({
            serviceAccountName = "robot",
            volumes = {{name = "default-token-x", emptyDir = {}},
                       {name = "kube-api-access-own", emptyDir = {}}},
            initContainers = {{name = "i"}},
            containers = {{name = "c", volumeMounts = {{name = "default-token-x"},
                                                       {name = "kube-api-access-own"}}}},
        }, pod.spec)
    end)

    it("leaves out what a server fills in by itself, of the core kinds only", function()
        local function pod(extra)
            local spec = {
                dnsPolicy = "ClusterFirst", restartPolicy = "Always", securityContext = {},
                schedulerName = "default-scheduler", terminationGracePeriodSeconds = 30,
                enableServiceLinks = true,
                containers = salvor.list({{
                    name = "c", image = "registry.example/app:1.2", imagePullPolicy =
                    "IfNotPresent", terminationMessagePath = "/dev/termination-log",
                    terminationMessagePolicy = "File",
                    resources = {limits = {cpu = "1", memory = "1Gi"},
                                 requests = {cpu = "1", memory = "512Mi"}},
                    readinessProbe = {httpGet = {path = "/", port = 80, scheme = "HTTP"},
                                      timeoutSeconds = 1, periodSeconds = 5, failureThreshold = 3,
                                      successThreshold = 1},
                    ports = salvor.list({{containerPort = 80, protocol = "TCP"}}),
                }}),
                volumes = salvor.list({{name = "v", configMap = {name = "m", defaultMode = 420}}}),
            }
            for name, value in pairs(extra or {}) do
                spec[name] = value
            end
            return {apiVersion = "v1", kind = "Pod", metadata = {name = "p"}, spec = spec}
        end
        assert.are.same({
            containers = {{
                name = "c", image = "registry.example/app:1.2",
                resources = {limits = {cpu = "1", memory = "1Gi"}, requests = {memory = "512Mi"}},
                readinessProbe = {httpGet = {port = 80}, periodSeconds = 5},
                ports = {{containerPort = 80}},
            }},
            volumes = {{name = "v", configMap = {name = "m"}}},
        }, neat(pod()).spec)
        local other = pod({restartPolicy = "Never", terminationGracePeriodSeconds = 31})
        assert.are.equal("Never", neat(other).spec.restartPolicy)
        assert.are.equal(31, neat(other).spec.terminationGracePeriodSeconds)
        other.apiVersion = "pods.example/v1"
        assert.are.same(other.spec, neat(other).spec)
    end)

    it("leaves out what newer servers fill in", function()
        local function spec(kind, given)
            return neat({apiVersion = "v1", kind = kind, metadata = {name = "a"},
                         spec = given}).spec
        end
        for _, type in ipairs({"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}) do
            local service = spec("Service", {type = type, internalTrafficPolicy = "Cluster",
                                             allocateLoadBalancerNodePorts = true})
            assert.are.equal(type == "ExternalName" and "Cluster" or nil,
                service.internalTrafficPolicy)
            assert.are.equal(type ~= "LoadBalancer" or nil,
                service.allocateLoadBalancerNodePorts)
        end
        assert.are.same({
            containers = {{readinessProbe = {grpc = {port = 80}}}},
            volumes = {{ephemeral = {volumeClaimTemplate = {spec = {}}}}},
        }, spec("Pod", {
            containers = salvor.list({{readinessProbe = {grpc = {port = 80, service = ""}}}}),
            volumes = salvor.list({{ephemeral = {volumeClaimTemplate = {
                spec = {volumeMode = "Filesystem"}}}}}),
        }))
    end)

    it("drops the annotations of controllers", function()
        local annotations = {mine = "1"}
        for _, name in ipairs({
            "kubectl.kubernetes.io/last-applied-configuration",
            "deployment.kubernetes.io/revision",
            "pv.kubernetes.io/provisioned-by",
            "volume.beta.kubernetes.io/storage-provisioner",
            "volume.kubernetes.io/selected-node",
            "volume.kubernetes.io/storage-provisioner",
        }) do
            annotations[name] = "x"
        end
        assert.are.same({mine = "1"},
            neat({kind = "X", metadata = {annotations = annotations}}).metadata.annotations)
    end)

    it("knows which image is pulled when", function()
        local cases = {
            {"app", "Always", nil}, {"app:latest", "Always", nil}, {"app:1", "IfNotPresent", nil},
            {"app:1", "Always", "Always"}, {"host:5000/app", "Always", nil},
            {"host:5000/app:1", "IfNotPresent", nil},
            {"app@sha256:abc", "IfNotPresent", nil}, {"app@sha256:abc", "Always", "Always"},
            {"app", "IfNotPresent", "IfNotPresent"}, {"App", "Always", "Always"},
        }
        for _, case in ipairs(cases) do
            local pod = neat({apiVersion = "v1", kind = "Pod", metadata = {}, spec = {containers =
                salvor.list({{image = case[1], imagePullPolicy = case[2]}})}})
            assert.are.equal(case[3], pod.spec.containers[1].imagePullPolicy,
                case[1] .. " " .. case[2])
        end
    end)

    it("takes whatever comes for an object", function()
        for _, strange in ipairs({
            {}, {kind = 1, apiVersion = {}}, {metadata = "x"}, {metadata = salvor.null},
            {apiVersion = "v1", kind = "Pod", spec = "x"},
            {apiVersion = "v1", kind = "Pod", spec = {containers = {1, {ports = 2, env = {3}}},
                                                      volumes = {true, {name = {}}}}},
            {apiVersion = "v1", kind = "Service", spec = {ports = {"x"}, type = {}}},
            {apiVersion = "v1", kind = "ServiceAccount", secrets = {1, {name = 2}}},
            {apiVersion = "v1", kind = "PersistentVolume", spec = {claimRef = "x", hostPath = 1}},
            {apiVersion = "v1", kind = "LimitRange", spec = {limits = {{type = "Container"}, 3}}},
            {apiVersion = "batch/v1", kind = "Job", spec = {template = 1}},
            {metadata = {annotations = {1, 2}, labels = 3}},
        }) do
            assert.is_table(neat(strange))
        end
        assert.has_error(function()
            neat({apiVersion = "v1", kind = "List", items = salvor.list({"x"})})
        end, "k8s.neat: item 1 is no object (table) but a string")
    end)

    it("takes a list that a script has written down", function()
        local made = neat({{kind = "Secret", apiVersion = "v1", metadata = {name = "a", uid = "1"}},
                           {kind = "Secret", apiVersion = "v1", metadata = {name = "b"}}})
        assert.are.equal(2, #made)
        assert.are.same({name = "a"}, made[1].metadata)
        assert.has_error(function()
            neat({1})
        end, "k8s.neat: item 1 is no object (table) but a number")
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
        assert.are.same({}, neat(service).spec)
        service.spec.clusterIP = "None"
        assert.are.equal("None", neat(service).spec.clusterIP)
        local claim = {apiVersion = "v1", kind = "PersistentVolumeClaim", metadata = {name = "c",
            annotations = {["pv.kubernetes.io/bound-by-controller"] = "yes",
                           ["pv.kubernetes.io/bind-completed"] = "yes",
                           ["volume.kubernetes.io/selected-node"] = "node1"}},
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
