# What the benches' scripts share; sourced from the project's root. A script sets `build`, and $work
# to a directory of its own, before it uses what needs them.
# shellcheck shell=bash disable=SC2154
say() {
    printf '\n==> %s (%s, load %s)\n' "$*" "$(date +%H:%M:%S)" \
        "$(cut -d' ' -f1-3 /proc/loadavg)"
}
skipped=0
skip() {
    echo "SKIPPED: $*"
    # shellcheck disable=SC2034  # the exit code of the script
    skipped=1
}

# minimum and median of the numbers on standard input, on one line
figures() {
    sort -g | awk -v name="$1" -v unit="$2" '
        { value[NR] = $1 }
        END { printf "  %-44s %11.2f min %11.2f median %s\n", name, value[1],
                     value[int(NR / 2) + 1], unit }'
}

# timed COMMAND...: "wall cpu" in seconds, on standard output; what the command says goes to
# $work/log, and its largest size in MB to $work/peak
timed() {
    local code=0
    /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >"$work/out" 2>"$work/log" || code=$?
    [ "$code" = 0 ] || return "$code"
    awk '{ print int($4 / 1024) }' "$work/time" >"$work/peak"
    awk '{ print $1, $2 + $3 }' "$work/time"
}

machine() {
    say "machine"
    echo "  $(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)," \
        "$(awk '/^cpu MHz/ { printf "%.1f GHz", $4 / 1000; exit }' /proc/cpuinfo)," \
        "$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), Linux $(uname -r)," \
        "$(cc --version | head -1)"
}

built() {
    say "building the preset release and the benches in $build"
    cmake --preset release -B "$build" >"$work/build.log" &&
        cmake --build "$build" --target benches -j2 >>"$work/build.log" || {
        tail -25 "$work/build.log"
        exit 70
    }
}
