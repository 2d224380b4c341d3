# Sourced by deploy/quickstart and tests/run: steps that say what they do.
# shellcheck shell=bash
: "${root:?is the folder of the project, set by who sources this}"

steps_started=$SECONDS

# step TEXT: a heading with the time since the start
step() {
    printf '\n==> %s (%d s)\n' "$*" $((SECONDS - steps_started)) >&2
}

die() {
    printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# missing_packages PACKAGE...: those that are not installed
missing_packages() {
    local installed
    installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        awk '$2 == "installed" { print $1 }' || true)
    comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

# apt_get ARGUMENT...: apt-get, one line of progress for each package that is set up
apt_get() {
    local log=$root/build/apt.log
    mkdir -p "$root/build"
    if ! as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -y -o Dpkg::Use-Pty=0 \
        -o DPkg::Lock::Timeout=120 "$@" </dev/null 2>&1 | tee "$log" | awk '
            /newly installed/ { total = $3 }
            /^Need to get|^Fetched/ { print "    " $0; fflush() }
            /^Setting up/ { printf "    [%d/%d] %s\n", ++done, total, $3; fflush() }' >&2; then
        tail -n 15 "$log" >&2
        return 1
    fi
}

# install_packages LIST...: installs what the lists (files in deploy/) name and is not there yet
install_packages() {
    local list packages missing
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
        die "this is not Debian: install what deploy/packages.* names, then see docs/building.md"
    packages=$(for list in "$@"; do sed 's/#.*//' "$root/deploy/$list"; done | xargs)
    # shellcheck disable=SC2086
    missing=$(missing_packages $packages | xargs)
    if [ -z "$missing" ]; then
        step "packages: all $(wc -w <<<"$packages") are installed"
        return
    fi
    step "packages: installing $missing"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "packages are missing and this is neither root nor is there sudo: $missing"
    apt_get update || die "packages cannot be installed: apt-get update failed, see above"
    # shellcheck disable=SC2086
    apt_get install --no-install-recommends $missing ||
        die "packages cannot be installed: apt-get install failed, see above"
}

# build PRESET [ARGUMENT of cmake --build...]: configures once, then builds
build() {
    local preset=$1
    shift
    cd "$root" || die "$root cannot be entered"
    if [ ! -f "build/$preset/build.ninja" ]; then
        step "configuring $preset"
        mkdir -p build
        cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || {
            cat "build/configure-$preset.log" >&2
            die "configuring $preset failed, see above"
        }
    fi
    step "building $preset"
    # With pipefail, the status is that of the build.
    if [ -t 2 ]; then
        cmake --build --preset "$preset" "$@" >&2
    else
        cmake --build --preset "$preset" "$@" 2>&1 | awk '
            !/^\[[0-9]+\/[0-9]+\]/ || ++seen % 20 == 0 { print; fflush() }' >&2
    fi || die "building $preset failed, see above"
}
