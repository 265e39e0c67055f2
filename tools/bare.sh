#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The closing check: a clean clone of HEAD in a bare Debian 12 must come up and pass its tests by
# the README's two commands. Needs root. bare.sh [FOLDER] [COMMAND…]
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/var/tmp/braid-bare}
commands=("${@:2}")
((${#commands[@]})) || commands=("./dev run --once" "./dev test")
((EUID == 0)) || { echo "bare: needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || apt-get install -y -q debootstrap

# How this host reaches its registries: package sources, certificates and clients' settings.
carried_paths=(/etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d
    /etc/apt/preferences.d /etc/apt/auth.conf.d /etc/apt/trusted.gpg.d /etc/apt/keyrings
    /usr/share/keyrings /etc/ssl/certs /usr/share/ca-certificates /usr/local/share/ca-certificates
    /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/npmrc /usr/etc/npmrc
    "$HOME/.npmrc" "$HOME/.config/pip" "$HOME/.pip")
carried_variables='^(https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|PIP_.*|npm_config_.*|NPM_CONFIG_.*'
carried_variables+='|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)='

# The first Debian mirror in the host's sources, in either of their two forms.
mirror() {
    sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb (\[[^]]*\] )?([^ ]+) bookworm .*/\2/p' \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list \
        2>/dev/null | head -n 1
}

carry() { # PATH: copies it to the same place inside, where there is such a thing
    [[ -e $1 ]] || return 0
    mkdir -p "$folder$(dirname "$1")"
    cp -aL --remove-destination "$1" "$folder$(dirname "$1")/"
}

unmount() {
    local point
    for point in dev/pts dev proc; do
        mountpoint -q "$folder/$point" && umount -l "$folder/$point"
    done
    return 0
}
trap unmount EXIT

echo "[1/4] bare Debian 12 in $folder"
if [[ ! -f $folder/etc/debian_version ]]; then
    debootstrap --variant=minbase --include=ca-certificates,git bookworm "$folder" "$(mirror)"
fi

echo "[2/4] the host's way to its registries"
rm -f "$folder/etc/apt/sources.list"
for path in "${carried_paths[@]}"; do
    [[ $path == "$HOME"/* ]] && {
        [[ -e $path ]] && mkdir -p "$folder/root/$(dirname "${path#"$HOME"/}")" &&
            cp -aL "$path" "$folder/root/$(dirname "${path#"$HOME"/}")/"
        continue
    }
    carry "$path"
done
variables=()
while IFS= read -r variable; do
    variables+=("$variable")
    value=${variable#*=}
    [[ $value == /* ]] && carry "$value"
done < <(env | grep -E "$carried_variables" || true)
# Nothing that gets installed may start a server.
printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
chmod +x "$folder/usr/sbin/policy-rc.d"

echo "[3/4] a clean clone of HEAD"
rm -rf "$folder/root/braid"
git clone -q --no-hardlinks . "$folder/root/braid"

echo "[4/4] the README's commands"
mount -t proc proc "$folder/proc"
mount --bind /dev "$folder/dev"
mount --bind /dev/pts "$folder/dev/pts"
for command in "${commands[@]}"; do
    echo "bare# $command"
    chroot "$folder" env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        LANG=C.UTF-8 TERM="${TERM:-dumb}" ${variables[@]+"${variables[@]}"} \
        bash -c "cd /root/braid && $command"
done
echo "bare: all passed"
