#!/bin/bash
# What makes an API server a cluster: the controllers, the scheduler and a node.
# Sourced by tests/lab/lab.
#
# Functions handed to wait_for look unreachable to shellcheck.
# shellcheck disable=SC2317

# The status of "lab start --node" where a machine or user cannot have a node.
CANNOT=77

# Whether the lab in DIR is one with a node.
has_node() {
    [[ -e $DIR/has-node ]]
}

# --- whether this machine can ------------------------------------------------

cannot() {
    printf 'lab: no node can run here: %s\n' "$*" >&2
    exit "$CANNOT"
}

# The mount points of the cgroup hierarchies, of version 1, 2 or both; one of each,
# since what is mounted in several places is the same everywhere.
cgroup_mounts() {
    local device mount rest
    local -A seen
    while read -r _ _ device _ mount rest; do
        [[ $rest == *' - cgroup'* && -z ${seen[$device]:-} ]] || continue
        seen[$device]=yes
        echo "$mount"
    done </proc/self/mountinfo
}

# The cgroup controllers that pods are given. With version 2 the kubelet wants all
# that it knows and the machine has.
needed_controllers() {
    printf '%s\n' cpu cpuset memory pids
    ! grep -qsw hugetlb /sys/fs/cgroup/cgroup.controllers || echo hugetlb
}

# Whether our cgroups can have controller $1. In version 2 it has to be handed
# down, which is refused inside of a container.
has_controller() {
    local rest
    while read -r _ _ _ _ _ rest; do
        [[ $rest != *' - cgroup '* || ,${rest##* }, != *",$1,"* ]] || return 0
    done </proc/self/mountinfo
    grep -qsw "$1" /sys/fs/cgroup/cgroup.subtree_control ||
        { echo "+$1" >/sys/fs/cgroup/cgroup.subtree_control; } 2>/dev/null
}

check_node() {
    local program controller folder
    [[ $(id -u) == 0 ]] || cannot "that takes root"
    # A command that joins a container's mounts begins at their root, which is beyond a
    # chroot: it would run outside of the container.
    [[ $(nsenter --mount=/proc/self/ns/mnt stat -c %d:%i / 2>/dev/null) == $(stat -c %d:%i /) ]] ||
        cannot "the root folder is not that of the mounts (a chroot?)"
    for program in containerd containerd-shim-runc-v2 ctr runc busybox cc ip nsenter socat \
        /usr/lib/cni/{bridge,host-local,loopback}; do
        command -v "$program" >/dev/null ||
            cannot "'$program' is not installed; tests/lab/packages lists what is needed"
    done
    unshare --mount --pid --fork --propagation private mount -t proc proc /proc 2>/dev/null ||
        cannot "new mount and PID namespaces are refused"
    unshare --net ip link add lab type bridge 2>/dev/null ||
        cannot "a network namespace with a bridge is refused"
    [[ -r /dev/kmsg ]] || cannot "the kubelet wants to read /dev/kmsg"
    for controller in $(needed_controllers); do
        has_controller "$controller" || cannot "there is no cgroup controller '$controller' for us"
    done
    # The node has others in the place of these.
    for folder in /run /var/run /var/lib /var/log; do
        [[ $DIR/ != "$folder"/* ]] || cannot "the lab's folder is below $folder"
    done
}

# --- cgroups -----------------------------------------------------------------

make_cgroups() {
    local mount name=salvor-lab-$$-$RANDOM
    echo "$name" >"$DIR/cgroup"
    while read -r mount; do
        mkdir "$mount/$name" 2>/dev/null || {
            remove_cgroups
            cannot "$mount cannot be written to"
        }
    done < <(cgroup_mounts)
}

# What has just ended may still be there.
cgroups_are_gone() {
    local mount name found=0
    name=$(<"$DIR/cgroup")
    while read -r mount; do
        [[ -d $mount/$name ]] || continue
        find "$mount/$name" -depth -type d -exec rmdir {} + 2>/dev/null || found=1
    done < <(cgroup_mounts)
    return "$found"
}

remove_cgroups() {
    [[ -s $DIR/cgroup ]] || return 0
    wait_for 60 cgroups_are_gone || die "the cgroups $(<"$DIR/cgroup") cannot be removed"
    rm -f "$DIR/cgroup"
}

# --- start and stop ----------------------------------------------------------

# Flags for kube-apiserver, one per line.
cluster_flags() {
    if has_node; then
        printf '%s\n' --kubelet-preferred-address-types=InternalIP \
            --kubelet-certificate-authority="$DIR/pki/ca.crt" \
            --kubelet-client-certificate="$DIR/pki/admin.crt" \
            --kubelet-client-key="$DIR/pki/admin.key"
    else
        # That admission would refuse every pod, since without a controller
        # manager there is no account "default" in a namespace.
        echo --disable-admission-plugins=ServiceAccount
    fi
}

machine_settled() {
    running init || stopped node
}

# The part of a node's start that needs no API server. What an earlier node left
# is of no use: the kubelet makes its pods anew.
start_machine() {
    running init && return
    stop_node
    rm -rf "$DIR/node"
    make_cgroups
    mkdir "$DIR/node"
    launch node unshare --mount --pid --fork --kill-child --propagation private \
        "$HERE/node" "$DIR" "$(<"$DIR/bin")"
    wait_for "$TIMEOUT" machine_settled || give_up node
    # An API server without a node has other flags.
    has_node || stop_server apiserver
    : >"$DIR/has-node"
}

stop_node() {
    # The first process of its namespace is the one that takes all others along.
    stop_server init
    stop_server node
    remove_cgroups
}

# The kubelet does not publish a loopback address and keeps the one it finds. It
# would crash if it found no capacity at all, and makes that right as well. That
# the node was ready when the lab ran before says nothing.
register_node() {
    local status='{"addresses": [{"type": "InternalIP", "address": "127.0.0.1"},
                                 {"type": "Hostname", "address": "node1"}],
                   "capacity": {"pods": "110"}, "allocatable": {"pods": "110"},
                   "conditions": []}'
    api /api/v1/nodes -o /dev/null -H 'Content-Type: application/json' --data-binary \
        '{"metadata": {"name": "node1", "labels": {"kubernetes.io/hostname": "node1"}},
          "status": '"$status"'}' ||
        # It is there already: this lab ran before, or the kubelet was quicker.
        api /api/v1/nodes/node1/status -o /dev/null -X PATCH --data-binary '{"status": '"$status"'}' \
            -H 'Content-Type: application/merge-patch+json' ||
        die "the node cannot be registered"
    : >"$DIR/node/registered"
}

start_controllers() {
    running controller-manager || launch controller-manager "$(<"$DIR/bin")/kube-controller-manager" \
        --kubeconfig="$DIR/kubeconfig" --leader-elect=false --port=0 --secure-port=0 \
        --cert-dir="$DIR/pki" --root-ca-file="$DIR/pki/ca.crt" \
        --flex-volume-plugin-dir="$DIR/volume-plugins" \
        --service-account-private-key-file="$DIR/pki/service-account.key" \
        --cluster-signing-cert-file="$DIR/pki/ca.crt" \
        --cluster-signing-key-file="$DIR/pki/ca.key" \
        --node-monitor-period=1s --kube-api-qps=200 --kube-api-burst=400
    running scheduler || launch scheduler "$(<"$DIR/bin")/kube-scheduler" \
        --kubeconfig="$DIR/kubeconfig" --leader-elect=false --port=0 --secure-port=0 \
        --cert-dir="$DIR/pki" --kube-api-qps=200 --kube-api-burst=400
}

node_is_ready() {
    local node
    node=$(api /api/v1/nodes/node1) &&
        [[ $node == *'"type":"Ready","status":"True"'* && $node != *'"taints":'* ]]
}

account_is_ready() {
    [[ $(api /api/v1/namespaces/default/serviceaccounts/default) == *'"secrets":'* ]]
}

start_cluster() {
    local server
    [[ -e $DIR/node/registered ]] || register_node
    start_controllers
    wait_for "$TIMEOUT" cluster_settled || give_up node
    for server in init controller-manager scheduler; do
        running "$server" || give_up "${server/init/node}"
    done
}

cluster_settled() {
    stopped init || stopped controller-manager || stopped scheduler ||
        { node_is_ready && account_is_ready; }
}

stop_cluster() {
    stop_node
    stop_server scheduler
    stop_server controller-manager
}
