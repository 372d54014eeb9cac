//! Which kernel runs, and whether it has what the program needs.

use std::{fs, path::PathBuf};

use super::KernelError;

/// The oldest kernel that has all that the program needs.
pub const OLDEST_KERNEL: (u32, u32) = (5, 10);

/// Major and minor version of the running kernel; `None` where it does not say.
#[must_use]
pub fn kernel_release() -> Option<(u32, u32)> {
    parse_release(fs::read_to_string("/proc/sys/kernel/osrelease").ok()?.trim())
}

/// Major and minor version of a kernel release such as `6.1.0-18-amd64`; `None` where it has no such form.
#[must_use]
pub fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// # Errors
/// The kernel is too old, or does not say what it is.
pub(super) fn check() -> Result<(), KernelError> {
    let path = PathBuf::from("/proc/sys/kernel/osrelease");
    let release = fs::read_to_string(&path).map_err(|source| KernelError::System { path, source })?;
    let release = release.trim();
    if parse_release(release).is_some_and(|version| version < OLDEST_KERNEL) {
        return Err(KernelError::KernelTooOld {
            found: release.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        for (release, expected) in [
            ("5.10.0-28-amd64", Some((5, 10))),
            ("6.18.44", Some((6, 18))),
            ("5.9.16", Some((5, 9))),
            ("7.3-rc1", Some((7, 3))),
            ("linux", None),
        ] {
            assert_eq!(parse_release(release), expected, "{release}");
        }
        assert!((5, 9) < OLDEST_KERNEL && (5, 10) >= OLDEST_KERNEL && (6, 1) > OLDEST_KERNEL);
    }
}
