#!/usr/bin/env bash
# The first process of the node's namespaces (up.sh starts it): starts the node's programs and stays.
set -euo pipefail
state=$1
# shellcheck source=/dev/null
. "$state/addresses"
cd "$state"

mount --make-rshared / # kubelet hands mounts on to containerd; nothing of it is seen outside
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns # the pods' namespaces go with this one
ip link set lo up
ip link add node0 type bridge # not every kernel has the dummy type
ip addr add "$NODE_IP/24" dev node0
ip link set node0 up
ip route add default via "$GATEWAY_IP" dev node0 # kubelet and kube-proxy want one; nothing answers there
sysctl -qw net.ipv4.ip_forward=1

start() { "$@" >"logs/$1.log" 2>&1 & }

start etcd --data-dir etcd --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
start kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address="$NODE_IP" --advertise-address="$NODE_IP" \
    --service-cluster-ip-range="$SERVICES" --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key \
    --client-ca-file=pki/ca.crt --service-account-key-file=pki/sa.key --service-account-signing-key-file=pki/sa.key \
    --service-account-issuer=https://kubernetes.default.svc --authorization-mode=Node,RBAC --allow-privileged=true \
    --enable-admission-plugins=NodeRestriction --kubelet-client-certificate=pki/admin.crt --kubelet-client-key=pki/admin.key \
    --kubelet-certificate-authority=pki/ca.crt --kubelet-preferred-address-types=InternalIP
start containerd --config containerd.toml
until kubectl --kubeconfig pki/admin.conf get --raw /readyz >/dev/null 2>&1; do sleep 0.25; done
start kube-controller-manager --kubeconfig=pki/controller-manager.conf --service-account-private-key-file=pki/sa.key \
    --root-ca-file=pki/ca.crt --use-service-account-credentials --bind-address=127.0.0.1 --leader-elect=false
start kube-scheduler --kubeconfig=pki/scheduler.conf --bind-address=127.0.0.1 --leader-elect=false
start kubelet --config kubelet.yaml --kubeconfig pki/kubelet.conf --hostname-override node1 --node-ip "$NODE_IP" --root-dir "$state/kubelet"
start kube-proxy --config kube-proxy.yaml
start coredns -conf Corefile
wait
