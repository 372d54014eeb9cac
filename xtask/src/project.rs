//! Where the project's files lie.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The folder that holds the workspace's manifest.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The crate of the XDP programs: a workspace of its own, because its target and its compiler are its own.
pub(crate) fn ebpf_crate() -> PathBuf {
    root().join("sensor-ebpf")
}

/// Where finished XDP objects lie, for whoever loads or embeds them.
pub(crate) fn objects() -> PathBuf {
    root().join("target/bpf")
}

/// A folder of the user's own, for what is dear to build and the same for every clone.
pub(crate) fn cache() -> PathBuf {
    let home =
        || env::var_os("HOME").map_or_else(|| root().join("target"), |home| Path::new(&home).join(".cache"));
    env::var_os("XDG_CACHE_HOME")
        .filter(|path| !path.is_empty())
        .map_or_else(home, PathBuf::from)
        .join("teiten")
}

/// The user's `PATH`, then the system's own folders, where Debian keeps half of the network tools.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .collect()
}

/// The file that would be run for `program`.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    search_path()
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
