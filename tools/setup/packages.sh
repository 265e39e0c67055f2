#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# packages.sh [--check] LIST [NAME…]: installs the Debian packages of a list, or those named of it,
# that are missing or outside their range; with --check it ends with 1 if there are any. A line of
# LIST: name, version range, and optionally `unless COMMAND`: the package is not needed where the
# command is already there.
set -euo pipefail

check=
[[ $1 == --check ]] && check=yes && shift
list=$1
shift
names=" $* "

as_root() { if ((EUID == 0)); then "$@"; else sudo "$@"; fi; }

packages_wanting() {
    local name least most condition command have
    while read -r name least most condition command; do
        [[ -z $name || $name == \#* ]] && continue
        [[ $names != "  " && $names != *" $name "* ]] && continue
        [[ $condition == unless ]] && command -v "$command" >/dev/null && continue
        have=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$name" 2>/dev/null) || have=
        if [[ $have != installed\ * ]] ||
            ! dpkg --compare-versions "${have#* }" ge "${least#>=}" ||
            ! dpkg --compare-versions "${have#* }" lt "${most#<}"; then
            echo "$name"
        fi
    done <"$list"
}

wanting=$(packages_wanting)
[[ -z $wanting ]] && exit 0
[[ -n $check ]] && exit 1
as_root apt-get update -q
# shellcheck disable=SC2086 # one word a package
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $wanting
wanting=$(packages_wanting)
if [[ -n $wanting ]]; then
    echo "setup: not within the range of $list:" $wanting >&2
    exit 1
fi
