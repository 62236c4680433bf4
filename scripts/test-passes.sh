#!/bin/sh
# Runs the tests with each pass of the compiler and each stage of the plan left out in turn, and with all of them left out: results must not
# depend on any. Tests of commands are left out: these print what passes did. Arguments are names, `none` for all of them; without arguments
# every name in turn, about two minutes each.
set -u

# What `hillock explain` lists, but for `lower` and `arena`, without which there is no plan.
[ $# -gt 0 ] || set -- none \
    canonicalize simplify share composites deadcode sums norms pooling scaling postops precision fuse \
    order inplace layouts donation arguments prologue

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
for name; do
    case $name in
    none) passes=none ;;
    *) passes=-$name ;;
    esac
    if HILLOCK_PASSES=$passes swift test -c release --skip-build --no-parallel --skip HillockCLITests >"$folder/log" 2>&1; then
        printf '%-12s %s\n' "$name" "$(tail -n 1 "$folder/log" | sed 's/^[^T]*//')"
    else
        status=1
        printf '%-12s FAILED\n' "$name"
        grep '✘' "$folder/log" | head -n 20 || tail -n 20 "$folder/log"
    fi
done
exit $status
