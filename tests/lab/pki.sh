#!/bin/bash
# Certificates of the lab's servers and users. Sourced by tests/lab/lab and
# tests/lab/storage.

# Make, in a new folder $1, a certificate authority whose server certificates
# are for the names $2, and go there.
make_ca() {
    rm -rf "$1"
    mkdir "$1"
    cd "$1" || return 1
    cat >ca.cnf <<END
[ca]
default_ca = lab
[lab]
certificate = ca.crt
private_key = ca.key
database = index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = subject
[subject]
organizationName = optional
commonName = supplied
[req]
distinguished_name = unused
[unused]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $2
[client]
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
END
    : >index.txt
    openssl req -x509 -config ca.cnf -extensions root -days 3650 -subj /CN=lab-ca \
        -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout ca.key -out ca.crt
}

# Make there the key and certificate $1 with subject $2 and extensions [$3],
# valid for ten years or from $4 to $5. `openssl ca` is used because in OpenSSL
# 3.0 nothing else takes a start date, which an expired certificate needs.
make_cert() {
    openssl req -new -config ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
        -noenc -keyout "$1.key" -out "$1.csr" -subj "$2" &&
        openssl ca -batch -notext -config ca.cnf -extensions "$3" \
            -startdate "${4:-$(date -u +%Y%m%d%H%M%SZ)}" \
            -enddate "${5:-$(date -u -d '+10 years' +%Y%m%d%H%M%SZ)}" -in "$1.csr" -out "$1.crt"
}
