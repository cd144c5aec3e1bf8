# shellcheck shell=bash
# Mutual TLS for etcd: one authority, one certificate per host (server and peer), one for clients. Elliptic keys: quick to make.

certificate_settings() {
  cat <<'TEXT'
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
# A member dials its peers, and itself: its certificate serves both ends.
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = ${ENV::SUBJECT_NAMES}
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
TEXT
}

certificate_make() { # FILE-STEM SUBJECT SECTION [SIGNER...]
  local stem=$1 subject=$2 section=$3 log=$STATE/tls/openssl.log
  shift 3
  [ -e "$stem.pem" ] && return
  (umask 077 && openssl req -config "$STATE/tls/settings" -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
    -days 365 -subj "$subject" -extensions "$section" "$@" -keyout "$stem-key.pem" -out "$stem.new" 2>>"$log") ||
    die "openssl cannot make $stem.pem: $(tail -n 3 "$log")"
  mv "$stem.new" "$stem.pem"
}

certificates_make() {
  local tls=$STATE/tls host
  mkdir -p "$tls"
  certificate_settings >"$tls/settings"
  export SUBJECT_NAMES=IP:127.0.0.1
  certificate_make "$tls/ca" "/O=Holdfast lab/CN=$LAB_NAME authority" authority
  certificate_make "$tls/client" "/O=Holdfast lab/CN=holdfast" client -CA "$tls/ca.pem" -CAkey "$tls/ca-key.pem"
  for host in $(host_names); do
    SUBJECT_NAMES="IP:$(host_address "$host"),IP:127.0.0.1,DNS:$host,DNS:localhost"
    certificate_make "$tls/$host" "/O=Holdfast lab/CN=$host" server -CA "$tls/ca.pem" -CAkey "$tls/ca-key.pem"
  done
}

lab_certificates() {
  if [ "${1:-}" = --hosts ]; then HOSTS=${2:?--hosts needs a number}; fi
  state_make
  certificates_make
  say "authority  $STATE/tls/ca.pem"
  say "client     $STATE/tls/client.pem  $STATE/tls/client-key.pem"
  local host
  for host in $(host_names); do say "$host         $STATE/tls/$host.pem  $STATE/tls/$host-key.pem"; done
}
