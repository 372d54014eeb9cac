//! The file system that a machine boots with: busybox, a few modules, and the programs with their libraries.

use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::kernel::Unpacked;
use crate::{command, project};

/// What the machine runs first.
const INIT: &str = include_str!("init.sh");

/// The drivers of the interfaces, and what these need; some kernels have some of them built in. `init.sh` loads them.
const MODULES: [&str; 9] = [
    "virtio",
    "virtio_ring",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "failover",
    "net_failover",
    "virtio_net",
    "veth",
];

/// What the machines run. It lies there as it does in `target`, so that the programs find each other.
pub(crate) struct Programs {
    /// Names and files.
    pub(crate) executables: Vec<(&'static str, PathBuf)>,
    /// The XDP programs.
    pub(crate) objects: Vec<PathBuf>,
}

/// Lays a file system out below `folder` and packs it. Gives the packed file.
///
/// # Errors
/// A program is missing, or files cannot be written.
pub(crate) fn build(folder: &Path, kernel: &Unpacked, programs: &Programs) -> Result<PathBuf> {
    let root = Root::begin(&folder.join("initramfs"))?;
    root.add_modules(kernel)?;
    for (name, place) in [("busybox", "bin"), ("ip", "sbin"), ("setpriv", "sbin")] {
        let program = project::find_program(name).with_context(|| format!("there is no program {name}"))?;
        root.add(&program, &format!("{place}/{name}"))?;
        root.add_libraries(&program)?;
    }
    for (name, executable) in &programs.executables {
        root.add_stripped(executable, &format!("teiten/debug/{name}"))?;
        root.add_libraries(executable)?;
    }
    for object in &programs.objects {
        let name = object.file_name().unwrap_or_default().to_string_lossy();
        root.add(object, &format!("teiten/bpf/{name}"))?;
    }
    root.write("init", INIT)?;
    let packed = folder.join("initramfs.cpio");
    root.pack(&packed)?;
    Ok(packed)
}

/// A file system as a folder.
pub(crate) struct Root {
    folder: PathBuf,
}

impl Root {
    pub(crate) fn begin(folder: &Path) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        let root = Self {
            folder: folder.to_owned(),
        };
        for name in ["proc", "sys", "dev", "run", "tmp", "modules"] {
            root.make_folder(name)?;
        }
        Ok(root)
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The drivers, as far as the kernel has them as modules.
    pub(crate) fn add_modules(&self, kernel: &Unpacked) -> Result<()> {
        for name in MODULES {
            if let Some(module) = kernel.module(name) {
                self.add_module(name, &module)?;
            }
        }
        Ok(())
    }

    fn make_folder(&self, name: &str) -> Result<()> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))
    }

    /// The path of a file to be, in a folder that is there.
    fn place(&self, name: &str) -> Result<PathBuf> {
        if let Some((folder, _)) = name.rsplit_once('/') {
            self.make_folder(folder)?;
        }
        Ok(self.folder.join(name))
    }

    pub(crate) fn add(&self, file: &Path, name: &str) -> Result<()> {
        let place = self.place(name)?;
        fs::copy(file, &place)
            .map(drop)
            .with_context(|| format!("{} cannot be copied to {}", file.display(), place.display()))
    }

    /// Without what only a debugger reads: most of the size of a program of Rust.
    pub(crate) fn add_stripped(&self, file: &Path, name: &str) -> Result<()> {
        let place = self.place(name)?;
        command::run(
            Command::new("strip")
                .arg("--strip-debug")
                .arg("-o")
                .arg(place)
                .arg(file),
        )
    }

    /// The libraries that the loader would load, under the same paths.
    fn add_libraries(&self, program: &Path) -> Result<()> {
        let mut loader = Command::new("ldd");
        command::clean_library_path(&mut loader);
        // Of a static program `ldd` says that it is none of its business.
        let answer = command::output_of(loader.arg(program)).unwrap_or_default();
        for library in libraries(&answer) {
            self.add(Path::new(library), library.trim_start_matches('/'))?;
        }
        Ok(())
    }

    fn add_module(&self, name: &str, file: &Path) -> Result<()> {
        let name = format!("modules/{name}.ko");
        if file.extension().is_none_or(|extension| extension != "xz") {
            return self.add(file, &name);
        }
        let place = self.place(&name)?;
        let unpacked =
            File::create(&place).with_context(|| format!("{} cannot be written", place.display()))?;
        command::run(Command::new("xz").arg("-dc").arg(file).stdout(unpacked))
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> Result<()> {
        let path = self.place(name)?;
        fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o755)))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Packs it as Linux takes it (`Documentation/driver-api/early-userspace/buffer-format.rst`).
    pub(crate) fn pack(&self, file: &Path) -> Result<()> {
        let packed = File::create(file).with_context(|| format!("{} cannot be written", file.display()))?;
        let mut find = Command::new("find")
            .args([".", "-print0"])
            .current_dir(&self.folder)
            .stdout(Stdio::piped())
            .spawn()
            .context("find could not be started")?;
        let names = find.stdout.take().context("the names are out of reach")?;
        command::run(
            Command::new("cpio")
                .args(["--create", "--format=newc", "--null", "--quiet"])
                .current_dir(&self.folder)
                .stdin(names)
                .stdout(packed),
        )?;
        let status = find.wait().context("find was lost")?;
        ensure!(status.success(), "find failed ({status})");
        Ok(())
    }
}

/// The paths in the answer of `ldd`: `libc.so.6 => /lib/… (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`.
fn libraries(answer: &str) -> BTreeSet<&str> {
    answer
        .lines()
        .filter_map(|line| {
            let path = line.split_once("=>").map_or(line, |(_, path)| path);
            let path = path.trim().split(" (").next()?;
            path.starts_with('/').then_some(path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_what_the_loader_says() {
        let answer = "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5b)\n\t\
                      /lib64/ld-linux-x86-64.so.2 (0x00007f5c)\n";
        let expected = BTreeSet::from(["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
        assert_eq!(libraries(answer), expected);
        assert!(libraries("\tnot a dynamic executable\n").is_empty());
    }
}
