//! The part of the file system that stays within reach: Landlock, on kernels that have it (5.13).

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, path_beneath_rules,
};

use super::Needs;

/// The newest rights that are asked for; an older kernel keeps those that it knows.
const RIGHTS: ABI = ABI::V5;
/// What the C library, name resolution, time zones and the flush look at.
const SYSTEM: [&str; 8] = ["/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sys", "/usr"];
/// Where nothing is kept.
const WRITTEN: [&str; 1] = ["/dev/null"];

/// Whether the kernel fences the file system off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landlock {
    /// With every right that is asked for.
    Full,
    /// With those that this kernel knows.
    Partial,
    /// It does not.
    Absent,
}

impl Landlock {
    /// The word in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Absent => "absent",
        }
    }
}

/// Leaves what is needed, read-only where that is enough; no program can be executed, no TCP port be listened on.
pub(super) fn fence(needs: &Needs) -> Result<Landlock, RulesetError> {
    let read = AccessFs::from_read(RIGHTS) & !BitFlags::from(AccessFs::Execute);
    let all = AccessFs::from_all(RIGHTS) & !BitFlags::from(AccessFs::Execute);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(RIGHTS))?
        .handle_access(AccessNet::BindTcp)?
        .create()?
        // What is not there needs no rule.
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(&needs.read, read))?
        .add_rules(path_beneath_rules(WRITTEN, all))?
        .add_rules(path_beneath_rules(&needs.write, all))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::Absent,
    })
}
