//! Profiles as they stand on a command line.

use super::Profile;

/// What help texts show for a profile.
pub const PROFILES: &str = "skewed|medium|log-uniform|uniform|ipv6-mix|single";

/// The profile of this name.
///
/// # Errors
/// There is none; the text names those that there are.
pub fn parse_profile(name: &str) -> Result<Profile, String> {
    Profile::ALL
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or_else(|| format!("there is no such profile; there are {PROFILES}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_found_by_its_name_and_shown() {
        for profile in Profile::ALL {
            assert_eq!(parse_profile(profile.name()), Ok(profile));
        }
        assert_eq!(PROFILES, Profile::ALL.map(Profile::name).join("|"));
        assert!(parse_profile("zipf").is_err());
    }
}
