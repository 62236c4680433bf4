#!/bin/sh
# Runs the tests with each pass of the compiler and each stage of the plan left out in turn, and with all of them left out: results must not
# depend on any. Left out are tests of commands, which print what passes did, and those of what runs no program on the CPU engine: kernels,
# formats and data sets, and, but for passes that every engine runs, accelerators. Arguments are names, `none` for all of them; without
# arguments every name in turn, about two minutes each.
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
    skipped='HillockCLITests|CKernelsTests|COneDNNTests|HillockFormatsTests|HillockDataTests'
    case $name in
    none | canonicalize | simplify | share | composites | deadcode | sums | precision) ;;
    *) skipped="$skipped|HillockPJRTTests" ;;
    esac
    if HILLOCK_PASSES=$passes swift test -c release --skip-build --no-parallel --skip "$skipped" >"$folder/log" 2>&1; then
        printf '%-12s %s\n' "$name" "$(tail -n 1 "$folder/log" | sed 's/^[^T]*//')"
    else
        status=1
        printf '%-12s FAILED\n' "$name"
        grep '✘' "$folder/log" | head -n 20 || tail -n 20 "$folder/log"
    fi
done
exit $status
