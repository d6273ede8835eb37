#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

case $1 in
dusk | dusk-extras) ;;
*) exit 0 ;;
esac

set -e

if [ "$1" = dusk-extras ]; then
    dusk simulate --nodes 3 --minutes 1 --changes 1
    exit
fi

dusk --version | grep -F "${2:-dusk}"

# A cluster is made, which needs keys, the phrase and a password's lock; then its log is checked from its first entry.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'a password of nobody' >"$folder/password"
dusk --root "$folder/root" init --cluster test --user anna --password-file "$folder/password" --phrase-file "$folder/phrase"
dusk --root "$folder/root" verify
