# shellcheck shell=sh
# What /lib/functions.sh does for our scripts. A UCI file is read as what it nearly is, a shell script.
# shellcheck disable=SC1090,SC2317

config_load() {
    section=
    config() { section=$2; }
    option() { eval "CONFIG_${section}_$1=\$2"; }
    list() { :; }
    package() { :; }
    uci -q export "$1" >/dev/null || return 1
    . "$IPKG_INSTROOT/etc/config/$1"
}

config_get_bool() {
    value=
    eval "value=\${CONFIG_${2}_$3:-$4}"
    case $value in
    1 | on | true | yes | enabled) eval "$1=1" ;;
    0 | off | false | no | disabled) eval "$1=0" ;;
    *) eval "$1=$4" ;;
    esac
}

group_exists() { grep -q "^$1:" "$IPKG_INSTROOT/etc/group"; }
user_exists() { grep -q "^$1:" "$IPKG_INSTROOT/etc/passwd"; }

next_id() {
    number=32768
    while cut -d : -f 3 "$1" | grep -qx "$number"; do number=$((number + 1)); done
}

group_add() { echo "$1:x:$2:" >>"$IPKG_INSTROOT/etc/group"; }

group_add_next() {
    next_id "$IPKG_INSTROOT/etc/group"
    group_add "$1" "$number"
    echo "$number"
}

user_add() {
    number=$2
    [ -n "$number" ] || next_id "$IPKG_INSTROOT/etc/passwd"
    echo "$1:x:$number:$3:$1:/var/run/$1:/bin/false" >>"$IPKG_INSTROOT/etc/passwd"
}
