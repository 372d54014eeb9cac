//! The compiler and the linker that turn Rust into XDP programs.
//!
//! Both carry an LLVM, and the linker reads the compiler's bitcode, so the two have to be of one LLVM release.
//! Two ways lead there: a nightly compiler of rustup with its library's source (upstream's way), or Debian's own
//! compiler with its library's source, allowed to use unstable features.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{command, progress, project};

/// The linker's release, while it knows the compiler's LLVM.
const LINKER_VERSION: &str = "0.13.0";
/// The LLVM releases that this release of the linker can be built with.
const LINKER_LLVM: [u32; 3] = [21, 22, 23];
/// The first LLVM release that can be told to read words where they are.
const LLVM_WITH_MISALIGNED_ACCESS: u32 = 22;
/// Debian's compiler. The programs in rustup's folder of the same names are others.
const DEBIAN_COMPILER: &str = "/usr/bin/rustc";

/// A Rust compiler that can build its own library for the kernel's target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compiler {
    pub(crate) origin: Origin,
    /// The major version of its LLVM.
    pub(crate) llvm: u32,
}

/// Where a compiler comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Rustup's toolchain of this name, with the component `rust-src`.
    Rustup(String),
    /// Debian's packages `rustc-web` and `rust-web-src`.
    Debian,
}

impl fmt::Display for Compiler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Rustup(name) => write!(formatter, "rustup's {name} (LLVM {})", self.llvm),
            Origin::Debian => write!(formatter, "Debian's {DEBIAN_COMPILER} (LLVM {})", self.llvm),
        }
    }
}

/// A compiler with the linker that fits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    pub(crate) compiler: Compiler,
    pub(crate) linker: PathBuf,
}

impl Toolchain {
    /// The first compiler that has a linker, rustup's before Debian's.
    pub(crate) fn find() -> Option<Self> {
        compilers().into_iter().find_map(|compiler| {
            let linker = find_linker(compiler.llvm)?;
            Some(Self { compiler, linker })
        })
    }

    /// Cargo for the kernel's target: to be completed with a subcommand and [`Self::target_arguments`].
    pub(crate) fn cargo(&self) -> Command {
        let mut command = command::cargo_for_the_kernel();
        match &self.compiler.origin {
            Origin::Rustup(name) => command.env("RUSTUP_TOOLCHAIN", name),
            Origin::Debian => command.env("RUSTC", DEBIAN_COMPILER).env("RUSTC_BOOTSTRAP", "1"),
        };
        let mut flags = vec![
            "-Cdebuginfo=2".to_owned(),
            // 32-bit arithmetic and jumps: Linux 5.1 and later.
            "-Ctarget-cpu=v3".to_owned(),
            "-Clink-arg=--btf".to_owned(),
            format!("-Clinker={}", self.linker.display()),
            // The object goes to other machines, and no path of this one with it.
            format!("--remap-path-prefix={}=teiten", project::root().display()),
            format!(
                "--remap-path-prefix={}=crates",
                cargo_home().join("registry/src").display()
            ),
        ];
        if self.compiler.llvm >= LLVM_WITH_MISALIGNED_ACCESS {
            // The headers of a frame lie on no boundary. Every machine that the sensor is for reads a word there at
            // once; told so, the compiler does not put it together from its octets.
            flags.push("-Clink-arg=--cpu-features=+allows-misaligned-mem-access".to_owned());
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command
    }

    /// The arguments that follow cargo's subcommand.
    pub(crate) fn target_arguments() -> [&'static str; 4] {
        ["--target", "bpfel-unknown-none", "-Z", "build-std=core"]
    }
}

/// Every compiler here that could do it, rustup's before Debian's.
pub(crate) fn compilers() -> Vec<Compiler> {
    let mut found = Vec::new();
    let toolchains = rustup_home().join("toolchains");
    let mut names: Vec<_> = fs::read_dir(&toolchains)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("nightly"))
        .collect();
    names.sort_unstable();
    for name in names {
        found.extend(compiler_in(&toolchains.join(&name), Origin::Rustup(name)));
    }
    found.extend(compiler_in(Path::new("/usr"), Origin::Debian));
    found
}

fn rustup_home() -> PathBuf {
    env::var_os("RUSTUP_HOME").map_or_else(|| home().join(".rustup"), PathBuf::from)
}

fn cargo_home() -> PathBuf {
    env::var_os("CARGO_HOME").map_or_else(|| home().join(".cargo"), PathBuf::from)
}

fn home() -> PathBuf {
    env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from)
}

/// The compiler installed under `folder`, when the source of its library is there and it is new enough.
fn compiler_in(folder: &Path, origin: Origin) -> Option<Compiler> {
    if !folder.join("lib/rustlib/src/rust/library/Cargo.lock").is_file() {
        return None;
    }
    let mut rustc = Command::new(folder.join("bin/rustc"));
    command::clean_library_path(&mut rustc);
    let version = command::output_of(rustc.arg("-vV"))?;
    let release = minor_release(&version)?;
    let wanted = minor_release(concat!("release: ", env!("CARGO_PKG_RUST_VERSION"), ".0"))?;
    (release >= wanted).then_some(Compiler {
        origin,
        llvm: llvm_major(&version)?,
    })
}

/// `95` of `release: 1.95.0`.
fn minor_release(version: &str) -> Option<u32> {
    version
        .lines()
        .find_map(|line| line.strip_prefix("release: 1.")?.split('.').next()?.parse().ok())
}

/// `22` of `LLVM version: 22.1.8`.
fn llvm_major(version: &str) -> Option<u32> {
    version.lines().find_map(|line| {
        line.strip_prefix("LLVM version: ")?
            .split('.')
            .next()?
            .parse()
            .ok()
    })
}

/// A linker of this LLVM: one that set-up built, else the user's own when it fits.
pub(crate) fn find_linker(llvm: u32) -> Option<PathBuf> {
    let own = linker_folder(llvm).join("bin/bpf-linker");
    [Some(own), project::find_program("bpf-linker")]
        .into_iter()
        .flatten()
        .find(|linker| linker.is_file() && linked_llvm(linker) == Some(llvm))
}

/// Where set-up puts the linker of one LLVM. The user's own `bpf-linker` may serve other projects and stays as it is.
fn linker_folder(llvm: u32) -> PathBuf {
    project::cache().join(format!("bpf-linker-llvm-{llvm}"))
}

/// The LLVM that a linker loads when it starts: `bpf-linker --version` does not tell it, the dynamic loader does.
fn linked_llvm(linker: &Path) -> Option<u32> {
    let mut loader = Command::new("ldd");
    command::clean_library_path(&mut loader);
    llvm_of_libraries(&command::output_of(loader.arg(linker))?)
}

/// `22` of `libLLVM.so.22.1 => /usr/lib/…`, or of `libLLVM-22.so.1`; nothing when a library is missing.
fn llvm_of_libraries(libraries: &str) -> Option<u32> {
    if libraries.contains("not found") {
        return None;
    }
    libraries.lines().find_map(|line| {
        let name = line.trim_start().strip_prefix("libLLVM")?;
        let digits = name.strip_prefix(".so.").or_else(|| name.strip_prefix('-'))?;
        digits
            .split(|letter: char| !letter.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    })
}

/// Debian's folder of one LLVM.
pub(crate) fn llvm_prefix(llvm: u32) -> PathBuf {
    PathBuf::from(format!("/usr/lib/llvm-{llvm}"))
}

/// Builds a linker for the compiler's LLVM, about a minute.
///
/// # Errors
/// When it cannot be built, or was built and still is of another LLVM.
pub(crate) fn install_linker(llvm: u32) -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo
        .current_dir("/")
        .env("LLVM_PREFIX", llvm_prefix(llvm))
        .arg("install");
    if LINKER_LLVM.contains(&llvm) {
        cargo.arg(format!("bpf-linker@{LINKER_VERSION}"));
    } else {
        // A compiler newer than the pin: the newest linker is the one that may know its LLVM.
        cargo.arg("bpf-linker");
    }
    cargo
        .args(["--locked", "--force", "--no-default-features", "--features"])
        .arg(format!("llvm-{llvm}"));
    cargo.arg("--root").arg(linker_folder(llvm));
    progress::quietly(&format!("building bpf-linker for LLVM {llvm}"), &mut cargo)?;
    find_linker(llvm).with_context(|| {
        format!(
            "bpf-linker was built, but not with LLVM {llvm}; look at `ldd {}`",
            linker_folder(llvm).join("bin/bpf-linker").display()
        )
    })
}

/// The toolchain, or what to do to get one.
///
/// # Errors
/// When none is there.
pub(crate) fn require() -> Result<Toolchain> {
    match Toolchain::find() {
        Some(toolchain) => Ok(toolchain),
        None => bail!("no compiler for XDP programs is installed; `cargo xtask setup` installs one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compilers_llvm_is_read_from_its_version() {
        let version = "rustc 1.96.0 (ac68faa20 2026-05-25)\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(llvm_major(version), Some(22));
        assert_eq!(minor_release(version), Some(96));
        assert_eq!(minor_release("release: 1.97.0-nightly\n"), Some(97));
        assert_eq!(llvm_major("rustc 1.96.0\n"), None);
    }

    #[test]
    fn the_linkers_llvm_is_read_from_the_library_that_it_loads() {
        for (libraries, expected) in [
            (
                "\tlinux-vdso.so.1 (0x0)\n\tlibLLVM.so.22.1 => /usr/lib/llvm-22/lib/libLLVM.so.22.1 (0x0)\n",
                Some(22),
            ),
            (
                "\tlibLLVM-17.so.1 => /lib/x86_64-linux-gnu/libLLVM-17.so.1 (0x0)\n",
                Some(17),
            ),
            ("\tlibLLVM.so.22.1 => not found\n", None),
            ("\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x0)\n", None),
            ("\tstatically linked\n", None),
        ] {
            assert_eq!(llvm_of_libraries(libraries), expected, "{libraries}");
        }
    }
}
