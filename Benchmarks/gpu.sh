#!/bin/sh
# Trains T03, T07 (batch 256, bf16) and T11 (width 768, 12 layers, 1024 tokens, bf16) on an accelerator, beside JAX and torch.compile in the same run:
# samples and tokens a second, the device's memory, and ratios (the peer's time over Hillock's).
#
#   gpu.sh [--device cuda] [--quick] [--rounds 5] [--python python3]     needs Python with jax or torch for the peers, and no Swift
#   gpu.sh --pack FILE.tar.gz          builds static programs and packs them with this script, to be unpacked and run on the other machine
#
# --quick takes small sizes and one round: to see that everything works, as on a machine with `--device xla-cpu`.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
device=cuda
rounds=5
python=python3
pack=
quick=
while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=1 ;;
        --device | --rounds | --python | --pack)
            [ $# -gt 1 ] || { echo "gpu.sh: $1 is the last word; its value is missing" >&2; exit 1; }
            case $1 in
                --device) device=$2 ;;
                --rounds) rounds=$2 ;;
                --python) python=$2 ;;
                --pack) pack=$2 ;;
            esac
            shift
            ;;
        -h | --help) sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) echo "gpu.sh: there is no option $1; --help shows them" >&2; exit 1 ;;
    esac
    shift
done

if [ -n "$pack" ]; then
    cd "$here"
    # In a folder of its own: a static build and another one would undo each other.
    for program in workload bench probe; do swift build -c release --static-swift-stdlib --scratch-path .build-static --product $program; done
    built=.build-static/release
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    mkdir -p "$folder/hillock-gpu/bin" "$folder/hillock-gpu/lib"
    cp gpu.sh gpu_peers.py "$folder/hillock-gpu"
    cp "$built/workload" "$built/bench" "$built/probe" "$folder/hillock-gpu/bin"
    # Libraries that another machine may lack; the C library must be its own.
    ldd "$built/workload" "$built/bench" | awk '/=> \//{print $3}' | sort -u \
        | grep -Ev '/(libc|libm|libdl|librt|libpthread|libresolv|libutil|ld-linux[^/]*)\.so' | while read -r library; do
        cp -L "$library" "$folder/hillock-gpu/lib"
    done
    tar -C "$folder" -czf "$pack" hillock-gpu
    echo "$pack: unpack it there, then hillock-gpu/gpu.sh"
    exit 0
fi

programs=$here/.build/release
if [ -d "$here/bin" ]; then
    programs=$here/bin
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib
    export LD_LIBRARY_PATH
fi
for program in workload bench probe; do
    [ -x "$programs/$program" ] && continue
    echo "gpu.sh: $programs/$program is missing: swift build -c release --package-path Benchmarks" >&2
    exit 1
done
command -v "$python" >/dev/null 2>&1 || { echo "gpu.sh: there is no $python, which runs the peers: --python names another" >&2; exit 1; }

if command -v nvidia-smi >/dev/null 2>&1; then nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || :; fi

# JAX takes three quarters of the memory at once, and so does XLA in Hillock; each runs in a process of its own.
run() {
    workload=$1
    shift
    echo "$workload $*"
    "$programs/bench" --only "$workload" --device "$device" --directory "$here" --script gpu_peers.py --python "$python" \
        --rounds "$rounds" --wait 5 --retries 0 --patience 100 --timeout 1200 "--words=$*"
}

if [ -n "$quick" ]; then
    rounds=1
    run T03 --batch 16
    run T07 --batch 2 --precision bf16
    run T11 --batch 2 --width 64 --layers 2 --heads 2 --length 32 --precision bf16
else
    run T03 --batch 128
    run T07 --batch 256 --precision bf16
    run T11 --batch 16 --width 768 --layers 12 --heads 12 --length 1024 --precision bf16
fi
