-- What neat leaves of an object makes the same object anew, on a real server.
local copy = require("salvor.copy")
local lab = require("support.lab")
local neat = require("salvor.k8s").neat
local salvor = require("salvor")
local yaml = require("salvor.yaml")

-- One object of each kind with more than the least in it.
local OBJECTS = [[
apiVersion: v1
kind: Pod
metadata: {name: kept, labels: {a: b}}
spec:
  serviceAccountName: default
  automountServiceAccountToken: false
  hostNetwork: true
  volumes:
  - {name: empty, emptyDir: {}}
  - {name: map, configMap: {name: m, defaultMode: 256}}
  - {name: secret, secret: {secretName: s}}
  - {name: host, hostPath: {path: /tmp}}
  - {name: down, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
  - {name: iscsi, iscsi: {targetPortal: "10.0.0.1:3260", iqn: "iqn.2026-01.example:a", lun: 0}}
  - {name: rbd, rbd: {monitors: ["10.0.0.1:6789"], image: a}}
  - {name: azure, azureDisk: {diskName: a, diskURI: "https://example.com/a"}}
  - {name: scale, scaleIO: {gateway: "https://example.com", system: a, secretRef: {name: s},
                            volumeName: v}}
  - name: all
    projected:
      sources:
      - {serviceAccountToken: {path: token}}
      - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
  initContainers:
  - {name: first, image: "host:5000/first", resources: {limits: {cpu: 100m}}}
  containers:
  - name: c
    image: app@sha256:0000000000000000000000000000000000000000000000000000000000000000
    ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]
    env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}, {name: E, value: e}]
    livenessProbe: {httpGet: {port: 80}, initialDelaySeconds: 3}
    readinessProbe: {exec: {command: ["true"]}, periodSeconds: 7}
    startupProbe: {tcpSocket: {port: 80}, failureThreshold: 30}
    lifecycle: {postStart: {httpGet: {port: 80}}, preStop: {httpGet: {port: 80, path: /stop}}}
    resources: {limits: {cpu: "1", memory: 1Gi}, requests: {memory: 512Mi}}
  - {name: d, image: "app:latest", imagePullPolicy: IfNotPresent}
---
apiVersion: v1
kind: Service
metadata: {name: plain}
spec: {selector: {a: b}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, clusterIPs: [None], selector: {a: b}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, sessionAffinity: ClientIP, selector: {a: b}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {type: NodePort, sessionAffinity: ClientIP, selector: {a: b}, ports: [{port: 80}],
       sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, storageClassName: ""}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: kept, labels: {c: d}}
spec:
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: app}]}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: narrow, labels: {e: f}}
spec:
  selector: {a: b}
  template:
    metadata: {labels: {a: b, c: d}}
    spec: {containers: [{name: c, image: app}]}
---
apiVersion: v1
kind: LimitRange
metadata: {name: kept}
spec:
  limits:
  - type: Container
    max: {cpu: "2", memory: 2Gi}
    min: {cpu: 10m, ephemeral-storage: 1Gi}
    default: {memory: 1Gi}
    defaultRequest: {cpu: "2"}
  - {type: Pod, max: {cpu: "4"}}
  - {type: PersistentVolumeClaim, max: {storage: 2Gi}, default: {storage: 2Gi}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: bounds}
spec: {limits: [{type: Container, max: {cpu: "2"}}]}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: kept}
spec: {hard: {configmaps: "100"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kept, annotations: {mine: "1"}}
data: {"a.b": "text", empty: ""}
---
apiVersion: v1
kind: Secret
metadata: {name: kept}
type: Opaque
data: {"every.byte": AAEC/w==}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kept}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: app}], volumes: [{name: v, emptyDir: {}}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: kept}
spec:
  serviceName: headless
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: app}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kept}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: app}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: kept}
spec:
  backoffLimit: 2
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: app}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: kept}
spec: {podSelector: {}, ingress: [{}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: kept}
spec: {defaultBackend: {service: {name: plain, port: {number: 80}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: kept}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: kept}
imagePullSecrets: [{name: kept}]
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAMESPACE}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /tmp}
  claimRef: {namespace: default, name: claim, uid: of-the-old-claim}
]]

lab.describe("what is created anew from what neat leaves", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        must(client:create({apiVersion = "v1", kind = "ServiceAccount",
                            metadata = {name = "default"}}))
    end)
    teardown(function()
        client:delete("pv", namespace)
        client:delete("ns", namespace)
    end)

    --- Without what every server chooses anew.
    local function essence(object)
        local result = {}
        for field, value in pairs(object) do
            result[field] = value
        end
        result.metadata, result.status = nil, nil
        local function drop(owner, ...)
            for _, field in ipairs({...}) do
                owner[field] = nil
            end
        end
        if object.kind == "Service" and object.spec.clusterIP ~= "None" then
            drop(result.spec, "clusterIP", "clusterIPs")
        elseif object.kind == "Job" then
            drop(result.spec, "selector")
            drop(result.spec.template.metadata, "labels", "creationTimestamp")
        elseif object.kind == "PersistentVolume" then
            drop(result.spec.claimRef, "uid")
        end
        return result
    end

    --- Without what a server does not fill in, but grants: neat leaves that.
    local function without_allotted(object)
        local result = copy.deep(object)
        if object.kind == "Pod" then
            result.spec.tolerations = nil
        end
        for _, port in ipairs(object.kind == "Service" and result.spec.ports or {}) do
            port.nodePort = nil
        end
        return result
    end

    local function delete(kind, name)
        must(client:delete(kind, name, {grace_period = 0, propagation = "background"}))
        -- The controllers that clear these finalizers do not run here.
        client:patch(kind, name, {metadata = {finalizers = salvor.null}})
        must(client:wait(kind, name, {deleted = true, timeout = 60}))
    end

    for _, wanted in ipairs(must(yaml.load_all(OBJECTS))) do
        local name = wanted.metadata.name
        it("is the same: " .. wanted.kind .. " " .. name, function()
            if name == "NAMESPACE" then
                name = namespace
                wanted.metadata.name = name
            end
            local kind = wanted.apiVersion .. "/" .. wanted.kind
            must(client:create(wanted))
            local before = must(client:get(kind, name))
            local saved = neat(before)
            assert.are.same(wanted.metadata.labels, saved.metadata.labels)
            if wanted.apiVersion == "v1" then
                assert.are.same(neat(wanted).spec, without_allotted(saved).spec)
            end
            delete(kind, name)
            local after = must(client:create(saved))
            assert.are_not.equal(before.metadata.uid, after.metadata.uid)
            assert.are.same(essence(before), essence(after))
            assert.are.same(saved, neat(after))
            client:delete(kind, name, {grace_period = 0})
        end)
    end
end)
