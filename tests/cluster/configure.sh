#!/usr/bin/env bash
# configure.sh STATE: certificates and configuration files of the node that node.sh runs.
set -euo pipefail
cd "$1"
NODE_IP=10.89.0.1 GATEWAY_IP=10.89.0.254 PODS=10.244.0.0/24 SERVICES=10.96.0.0/16
declare -p NODE_IP GATEWAY_IP SERVICES >addresses

key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
# Python 3.13 and later insist on the extensions that RFC 5280 asks for
openssl req -x509 "${key[@]}" -keyout pki/ca.key -out pki/ca.crt -subj /CN=kubernetes -days 30 \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
openssl genrsa -out pki/sa.key 2048 2>/dev/null
certificate() { # name subject alternative-names
    openssl req "${key[@]}" -keyout "pki/$1.key" -out "pki/$1.csr" -subj "$2" 2>/dev/null
    openssl x509 -req -in "pki/$1.csr" -CA pki/ca.crt -CAkey pki/ca.key -CAcreateserial -days 30 -out "pki/$1.crt" 2>/dev/null \
        -extfile <(printf '%s\n' "subjectAltName=$3" extendedKeyUsage=serverAuth,clientAuth keyUsage=critical,digitalSignature \
            basicConstraints=CA:FALSE subjectKeyIdentifier=hash authorityKeyIdentifier=keyid)
}
client() { # name subject: a certificate and a kubeconfig that uses it
    certificate "$1" "$2" "DNS:$1,IP:$NODE_IP"
    cat >"pki/$1.conf" <<Y
apiVersion: v1
kind: Config
clusters: [{name: node, cluster: {server: "https://$NODE_IP:6443", certificate-authority: ca.crt}}]
users: [{name: $1, user: {client-certificate: $1.crt, client-key: $1.key}}]
contexts: [{name: node, context: {cluster: node, user: $1}}]
current-context: node
Y
}
certificate apiserver /CN=kube-apiserver \
    "IP:127.0.0.1,IP:$NODE_IP,IP:10.96.0.1,DNS:kubernetes.default.svc,DNS:kubernetes,DNS:localhost"
client admin /O=system:masters/CN=admin
client kubelet /O=system:nodes/CN=system:node:node1
client controller-manager /CN=system:kube-controller-manager
client scheduler /CN=system:kube-scheduler
client kube-proxy /CN=system:kube-proxy

cat >cni/10-bridge.conflist <<J
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$PWD/ipam", "ranges": [[{"subnet": "$PODS"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
J

# restrict_oom_score_adj: a container host may forbid to lower the score.
cat >containerd.toml <<T
version = 2
root = "$PWD/containerd/root"
state = "$PWD/containerd/state"
[grpc]
  address = "$PWD/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/agno-session-store/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$PWD/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
T

# failCgroupV1, cgroupsPerQOS and enforceNodeAllocatable: so that it also runs where cgroups are v1 or partly read-only.
cat >kubelet.yaml <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
oomScoreAdj: 0
containerRuntimeEndpoint: unix://$PWD/containerd.sock
clusterDNS: [$NODE_IP]
clusterDomain: cluster.local
resolvConf: /dev/null
address: $NODE_IP
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PWD/pki/ca.crt}}
authorization: {mode: Webhook}
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
tlsCertFile: $PWD/pki/kubelet.crt
tlsPrivateKeyFile: $PWD/pki/kubelet.key
Y

cat >kube-proxy.yaml <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $PWD/pki/kube-proxy.conf}
mode: iptables
clusterCIDR: $PODS
hostnameOverride: node1
conntrack: {maxPerCore: 0, min: 0}
healthzBindAddress: 127.0.0.1:10256
Y

cat >Corefile <<C
.:53 {
    bind $NODE_IP
    errors
    kubernetes cluster.local in-addr.arpa {
        kubeconfig $PWD/pki/admin.conf
    }
}
C
