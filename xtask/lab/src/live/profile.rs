//! Profiles as they stand on command lines: of the lab's programs, and of the daemon.

use super::Profile;

/// Where IPv6 frames go, as the daemon's `--watch` takes it.
pub const DARK_PREFIX_V6: &str = "2001:db8:feed::/48";

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
    use sensor_common::{
        Address,
        generator::{DARK_V4, DARK_V6},
        watch::Watch as _,
    };

    use super::*;
    use crate::{network::DARK_PREFIX, watched::Prefixes};

    #[test]
    fn every_profile_is_found_by_its_name_and_shown() {
        for profile in Profile::ALL {
            assert_eq!(parse_profile(profile.name()), Ok(profile));
        }
        assert_eq!(PROFILES, Profile::ALL.map(Profile::name).join("|"));
        assert!(parse_profile("zipf").is_err());
    }

    #[test]
    fn the_dark_prefixes_hold_every_destination_of_the_generator() {
        let dark = Prefixes::parse(&[DARK_PREFIX, DARK_PREFIX_V6]).unwrap();
        for host in 0..=u32::from(u8::MAX) {
            assert!(dark.contains_v4(DARK_V4 | host));
            assert!(dark.contains_v6(Address {
                high: DARK_V6,
                low: host.into()
            }));
        }
    }
}
