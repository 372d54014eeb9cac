//! What a thread can and cannot do any more.

use std::{fs, net::TcpListener, process::Command, thread};

use super::*;

/// Runs in a thread of its own: what it gives up is gone for good.
fn after_giving_up<T: Send>(needs: &Needs, closure: impl FnOnce(&Left) -> T + Send) -> T {
    thread::scope(|scope| {
        scope
            .spawn(|| {
                let left = give_up(needs, Some((6, 1))).unwrap();
                closure(&left)
            })
            .join()
            .unwrap()
    })
}

#[test]
fn what_is_needed_still_works_and_nothing_else_does() {
    let (read, written, other) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    for folder in [&read, &written, &other] {
        fs::write(folder.path().join("file"), "content").unwrap();
    }
    let mut needs = Needs::default();
    needs.read_beside(&read.path().join("file"));
    needs.write.insert(written.path().to_owned());
    after_giving_up(&needs, |left| {
        assert!(left.capabilities.is_empty());
        assert!(caps::read(None, CapSet::Permitted).unwrap().is_empty());
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        assert!(
            status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"),
            "{status}"
        );

        // A database that is replaced, and a state directory that is written as writers do it.
        fs::rename(written.path().join("file"), written.path().join("other")).unwrap();
        fs::write(written.path().join("file"), "new").unwrap();
        fs::remove_file(written.path().join("other")).unwrap();
        assert_eq!(fs::read_to_string(read.path().join("file")).unwrap(), "content");
        // Threads that are started later: they work, and inherit.
        let inherited = thread::spawn(|| fs::read_to_string("/proc/thread-self/status").unwrap());
        assert!(inherited.join().unwrap().contains("Seccomp:\t2"));

        assert!(Command::new("/bin/true").status().is_err());
        // SAFETY: it makes nothing but a namespace, which is refused.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWUSER) }, -1);
        // SAFETY: plain numbers; a socket of another kind is refused.
        assert_eq!(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) }, -1);
        if left.landlock != Landlock::Absent {
            assert!(fs::read_to_string(other.path().join("file")).is_err());
            assert!(fs::write(read.path().join("file"), "changed").is_err());
            assert!(fs::read_dir("/root").is_err() && fs::read_dir("/home").is_err());
        }
        if left.landlock == Landlock::Full {
            assert!(TcpListener::bind("127.0.0.1:0").is_err());
        }
    });
    assert_eq!(fs::read_to_string(read.path().join("file")).unwrap(), "content");
}

#[test]
fn kernels_before_6_1_keep_the_one_capability_that_every_call_asks_for() {
    let bpf = CapsHashSet::from([Capability::CAP_BPF]);
    for (release, expected) in [
        (Some((5, 10)), &bpf),
        (Some((6, 0)), &bpf),
        (None, &bpf),
        (Some((6, 1)), &CapsHashSet::new()),
        (Some((7, 3)), &CapsHashSet::new()),
    ] {
        assert_eq!(&kept(release), expected, "{release:?}");
    }
}

#[test]
fn a_file_behind_a_link_is_read_where_it_is() {
    let (links, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(files.path().join("key"), "").unwrap();
    std::os::unix::fs::symlink(files.path().join("key"), links.path().join("key")).unwrap();
    let mut needs = Needs::default();
    needs.read_beside(&links.path().join("key"));
    needs.read_beside(Path::new("web.yml"));
    let files = files.path().canonicalize().unwrap();
    assert!(needs.read.contains(links.path()) && needs.read.contains(&files));
    assert!(needs.read.contains(Path::new(".")));
}
