//! `cargo xtask setup`: what is missing, and getting it.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use anyhow::{Context as _, Result, bail};

use crate::{
    packages::{self, Tool},
    toolchain::{self, Compiler, Origin, Toolchain},
};

/// Find, or install, what the project is built and tested with.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Install what is missing without asking.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// How much of the machine a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Compilers and linkers.
    Build,
    /// Those, and what virtual machines are made of.
    Vm,
    /// Compilers and linkers, and what demo and tests run.
    Run,
    /// That, and what only the long tests run.
    Full,
    /// What demo and tests run, and the linters of the XDP programs.
    All,
}

/// Sets the machine up and says what it found.
///
/// # Errors
/// See [`ensure`].
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let plan = Plan::make(Need::All);
    if !plan.tools.is_empty() || plan.toolchain.is_some() {
        plan.offer(arguments.yes)?;
    }
    let toolchain = toolchain::require()?;
    eprintln!(
        "XDP programs are compiled by {}, linked by {}",
        toolchain.compiler,
        toolchain.linker.display()
    );
    eprintln!("everything that demo and tests run is installed");
    Ok(())
}

/// Makes sure that everything of `need` is here. Takes well below a second when it is.
///
/// Names what is missing first, and asks when there is a terminal and `yes` is not set.
///
/// # Errors
/// When something needed is missing and the user declines, or it cannot be installed.
pub(crate) fn ensure(need: Need, yes: bool) -> Result<Toolchain> {
    let plan = Plan::make(need);
    if plan.is_pressing() {
        plan.offer(yes)?;
    }
    toolchain::require()
}

/// What is missing.
struct Plan {
    tools: Vec<Tool>,
    /// Nothing when a compiler with its linker is here.
    toolchain: Option<ToolchainPlan>,
}

/// The shortest way to a toolchain.
enum ToolchainPlan {
    /// A compiler is here, and only its linker is missing.
    Linker(Compiler),
    /// Debian's compiler, then the linker for its LLVM.
    Debian,
}

impl Plan {
    fn make(need: Need) -> Self {
        let toolchain = Toolchain::find();
        let mut wanted = packages::BUILD.to_vec();
        if need == Need::Vm {
            wanted.extend(packages::VM);
        }
        if need >= Need::Run {
            wanted.extend(packages::RUN);
        }
        if need == Need::Full {
            wanted.extend(packages::FULL);
        }
        let debian = toolchain
            .as_ref()
            .is_none_or(|found| found.compiler.origin == Origin::Debian);
        if need >= Need::All && debian {
            wanted.push(packages::DEBIAN_CLIPPY);
        }
        wanted.retain(|tool| !tool.is_present());
        Self {
            tools: wanted,
            toolchain: toolchain.is_none().then(ToolchainPlan::make),
        }
    }

    /// Whether something is missing that a command cannot do without.
    fn is_pressing(&self) -> bool {
        self.toolchain.is_some() || self.tools.iter().any(|tool| !tool.optional)
    }

    fn offer(&self, yes: bool) -> Result<()> {
        self.show();
        if !yes && !confirmed()? {
            bail!("nothing was installed; without it this command cannot go on");
        }
        self.carry_out()
    }

    fn show(&self) {
        eprintln!("missing on this machine:");
        for tool in &self.tools {
            let optional = if tool.optional { ", optional" } else { "" };
            eprintln!("   {:<24} {}{optional}", tool.package, tool.purpose);
        }
        match &self.toolchain {
            Some(ToolchainPlan::Linker(compiler)) => {
                eprintln!("   {:<24} links what {compiler} compiles", "bpf-linker");
            }
            Some(ToolchainPlan::Debian) => {
                eprintln!("   {:<24} compile the XDP programs", "rustc-web, rust-web-src");
                eprintln!(
                    "   {:<24} links them; is built with llvm-dev and libpolly-dev of that compiler's LLVM",
                    "bpf-linker"
                );
            }
            None => {}
        }
    }

    /// What else can be done when the packages cannot be installed.
    fn way_out(&self) -> &'static str {
        match self.toolchain {
            Some(ToolchainPlan::Debian) => {
                "not all could be installed. Debian's rustc-web takes the place of its packages rustc and rustup, and \
                 removing those is yours to decide; `rustup toolchain install nightly --component rust-src` does without"
            }
            _ => "not all could be installed",
        }
    }

    fn carry_out(&self) -> Result<()> {
        let needed = self.tools.iter().filter(|tool| !tool.optional);
        let mut first: Vec<String> = needed.map(|tool| tool.package.to_owned()).collect();
        if matches!(self.toolchain, Some(ToolchainPlan::Debian)) {
            first.extend(["rustc-web", "rust-web-src"].map(str::to_owned));
        }
        if !first.is_empty() {
            packages::install(&first).with_context(|| self.way_out())?;
        }
        for tool in self.tools.iter().filter(|tool| tool.optional) {
            if let Err(error) = packages::install(&[tool.package.to_owned()]) {
                eprintln!(
                    "warning: {}, which {}, is not there: {error:#}",
                    tool.package, tool.purpose
                );
            }
        }
        match &self.toolchain {
            Some(ToolchainPlan::Linker(compiler)) => build_linker(compiler.llvm),
            Some(ToolchainPlan::Debian) => {
                let compiler = debian_compiler().context(
                    "rustc-web and rust-web-src are installed, but /usr/bin/rustc is too old or lacks its library's source; \
                     Debian's security archive has a newer one: see that it is among apt's sources",
                )?;
                build_linker(compiler.llvm)
            }
            None => Ok(()),
        }
    }
}

impl ToolchainPlan {
    /// Rustup's compiler when a linker for it can be built here without more ado, else Debian's.
    fn make() -> Self {
        let compilers = toolchain::compilers();
        let ready = compilers.iter().find(|compiler| has_llvm(compiler.llvm));
        match ready.or_else(|| {
            compilers
                .iter()
                .find(|compiler| compiler.origin == Origin::Debian)
        }) {
            Some(compiler) => Self::Linker(compiler.clone()),
            None => Self::Debian,
        }
    }
}

fn debian_compiler() -> Option<Compiler> {
    toolchain::compilers()
        .into_iter()
        .find(|compiler| compiler.origin == Origin::Debian)
}

/// Whether LLVM's development files are here.
fn has_llvm(llvm: u32) -> bool {
    toolchain::llvm_prefix(llvm).join("bin/llvm-config").is_file()
}

/// Installs LLVM's development files and builds the linker with them, unless it is there from an earlier time.
fn build_linker(llvm: u32) -> Result<()> {
    if toolchain::find_linker(llvm).is_some() {
        return Ok(());
    }
    let libraries = [format!("llvm-{llvm}-dev"), format!("libpolly-{llvm}-dev")]
        .into_iter()
        .chain(["zlib1g-dev", "libzstd-dev", "libxml2-dev"].map(str::to_owned));
    packages::install(&libraries.collect::<Vec<_>>())?;
    toolchain::install_linker(llvm).map(|_| ())
}

/// Asks on a terminal; without one there is nobody to ask, and the answer is yes.
fn confirmed() -> Result<bool> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Ok(true);
    }
    eprint!("install it now? [Y/n] ");
    stderr().flush().context("the question could not be shown")?;
    let mut answer = String::new();
    stdin()
        .read_line(&mut answer)
        .context("the answer could not be read")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}
