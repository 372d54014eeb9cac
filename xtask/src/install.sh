#!/bin/sh
# Installs the Debian packages named as arguments, and lets no daemon among them start: neither now nor at boot.
set -eu
export DEBIAN_FRONTEND=noninteractive
# dpkg wants the system's own folders, which a user's PATH lacks.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
policy=/usr/sbin/policy-rc.d
saved=$policy.saved-by-teiten
mark='Written by cargo xtask setup; removed when it ends.'

# Also clears up after a run that was killed.
restore() {
    if [ -e "$policy" ] && grep -q "$mark" "$policy"; then rm -f "$policy"; fi
    if [ -e "$saved" ]; then mv "$saved" "$policy"; fi
    rm -f "${before:-}"
}
restore
trap restore EXIT
trap 'exit 130' INT TERM HUP

installed() {
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p' | sort
}
before=$(mktemp)
installed >"$before"

if [ -e "$policy" ]; then mv "$policy" "$saved"; fi
printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"

install() {
    # Never at the price of a package that is there: a conflict is the user's to decide.
    apt-get -o DPkg::Lock::Timeout=600 install --yes --no-install-recommends --no-remove "$@"
}
update() {
    apt-get -o DPkg::Lock::Timeout=600 update
}
# Lists that are old, or lack an archive, name packages that are too old. Without a network the old ones have to do.
update || true
install "$@"

# Daemons come as dependencies as well.
for package in $(installed | comm -13 "$before" -); do
    for script in $(dpkg -L "$package" | sed -n 's,^/etc/init\.d/,,p'); do
        update-rc.d "$script" disable
    done
    for unit in $(dpkg -L "$package" | sed -n 's,^\(/usr\)\{0,1\}/lib/systemd/system/\([^/@]*\.\(service\|timer\|socket\)\)$,\2,p'); do
        deb-systemd-helper disable "$unit" >/dev/null 2>&1 || true
    done
done
