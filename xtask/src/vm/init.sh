#!/bin/busybox sh
# The first program of a machine of `cargo xtask vm`. The console is the first serial line, the report the second.
# Busybox has an `ip` as well, and one that can do less.
export PATH=/sbin:/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs tmp /tmp
hostname guest
# Which module needs which is found out by trying: four levels are enough.
for pass in 1 2 3 4; do
    for module in /modules/*.ko; do insmod "$module" 2>/dev/null; done
done
ip link set dev lo up
/teiten/debug/guest >/dev/ttyS1
echo "the guest program ended with $?"
# The last lines may still be on their way.
sleep 1
poweroff -f
