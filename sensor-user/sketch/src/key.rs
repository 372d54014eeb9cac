//! The fleet's key, without which no address can be recognised in a sketch or made to fit one.

use std::{
    fmt::{self, Write as _},
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use datasketches::hll::Coupon;
use sensor_common::Address;
use sha2::{Digest as _, Sha256};
use siphasher::sip::SipHasher13;

/// Octets of a key.
const KEY_OCTETS: usize = 16;
/// Octets of the digest that names a key.
const ID_OCTETS: usize = 8;
/// Keeps the name of a key apart from any other digest of it.
const ID_PREFIX: &[u8] = b"teiten source key ";
/// A key's file is 33 octets; whatever is larger than this is another file.
const MAX_FILE_OCTETS: u64 = 256;

/// What keeps a key from being read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the key of unique sources, {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{0} is no key of unique sources: it must hold 32 hexadecimal digits, as `openssl rand -hex 16` prints them"
    )]
    NoKey(PathBuf),
    /// Everybody on the machine can read or write it.
    #[error(
        "{0} is open to every user: a known key gives the addresses in stored sketches away; `chmod 600` it"
    )]
    Open(PathBuf),
    /// There is no randomness.
    #[error("no randomness for the key of unique sources ({0}): is /dev/urandom there?")]
    Random(io::Error),
}

/// A 128-bit key. Sketches merge only where they were made with the same one, so a fleet shares it. It is never shown:
/// [`id`](Self::id) names it.
#[derive(Clone)]
pub struct SourceKey {
    hasher: SipHasher13,
    id: String,
}

impl SourceKey {
    /// The key with these octets.
    #[must_use]
    pub fn new(octets: [u8; KEY_OCTETS]) -> Self {
        let digest = Sha256::new()
            .chain_update(ID_PREFIX)
            .chain_update(octets)
            .finalize();
        Self {
            hasher: SipHasher13::new_with_key(&octets),
            id: hexadecimal(&digest[..ID_OCTETS]),
        }
    }

    /// A key that everybody knows: for estimates that are shown at once, the same in every run, whose sketches are
    /// never kept.
    #[must_use]
    pub fn public() -> Self {
        Self::new([0; KEY_OCTETS])
    }

    /// Reads a key's file.
    ///
    /// # Errors
    /// It cannot be read, every user can read it, or it holds no key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let at = |source| KeyError::File {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(at)?;
        if file.metadata().map_err(at)?.permissions().mode() & 0o007 != 0 {
            return Err(KeyError::Open(path.to_owned()));
        }
        let mut text = Vec::new();
        file.take(MAX_FILE_OCTETS).read_to_end(&mut text).map_err(at)?;
        parse(&text)
            .map(Self::new)
            .ok_or_else(|| KeyError::NoKey(path.to_owned()))
    }

    /// Reads a key's file, or makes it, with mode 0600, where there is none.
    ///
    /// # Errors
    /// As [`load`](Self::load); or the file cannot be written.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let mut octets = [0; KEY_OCTETS];
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut octets))
            .map_err(KeyError::Random)?;
        write_new(path, &hexadecimal(&octets)).map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
        // Another sensor of this machine may have been first: then its key holds.
        Self::load(path)
    }

    /// A key for this process alone, where none can be kept.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> Result<Self, KeyError> {
        let mut octets = [0; KEY_OCTETS];
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut octets))
            .map_err(KeyError::Random)?;
        Ok(Self::new(octets))
    }

    /// The name of the key, 16 hexadecimal digits of its SHA-256: safe to show, and equal where sketches may be merged.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What stands for a source in sketches: SipHash-1-3 of its 16 octets (Aumasson and Bernstein, 2012).
    #[inline]
    #[must_use]
    pub fn hash(&self, source: Address) -> SourceHash {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&source.high.to_be_bytes());
        octets[8..].copy_from_slice(&source.low.to_be_bytes());
        SourceHash(self.hasher.hash(&octets))
    }
}

impl fmt::Debug for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A source as sketches see it: 64 bits that say nothing without the key. Other implementations of DataSketches take it
/// as a 64-bit integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceHash(pub u64);

impl SourceHash {
    /// What the registers of counting sketches take: worked out once for any number of them.
    #[inline]
    #[must_use]
    pub fn coupon(self) -> Coupon {
        Coupon::from_value(self.0)
    }
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn parse(text: &[u8]) -> Option<[u8; KEY_OCTETS]> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    if text.len() != 2 * KEY_OCTETS || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

/// The file appears whole or not at all, and never over another.
fn write_new(path: &Path, key: &str) -> io::Result<()> {
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| {
            writeln!(file, "{key}")?;
            file.sync_all()
        })
        .and_then(|()| match fs::hard_link(&aside, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
    let removed = fs::remove_file(&aside);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("source.key");
        let first = SourceKey::load_or_create(&path).unwrap();
        let again = SourceKey::load_or_create(&path).unwrap();
        assert_eq!(first.id(), again.id());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let other = SourceKey::load_or_create(&directory.path().join("other")).unwrap();
        assert_ne!(first.id(), other.id());
    }

    #[test]
    fn a_key_is_never_shown() {
        let text = "00112233445566778899aabbccddeeff";
        let key = SourceKey::new(parse(text.as_bytes()).unwrap());
        let shown = format!("{key:?} {}", key.id());
        for part in [text, &text[..16], &text[16..], "0011", "[0, 17"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        for text in [
            "",
            "00112233",
            "00112233445566778899aabbccddeefg",
            "+0112233445566778899aabbccddeeff",
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(
                matches!(SourceKey::load(&path), Err(KeyError::NoKey(_))),
                "{text}"
            );
        }
        fs::write(&path, "00112233445566778899aabbccddeeff\n").unwrap();
        assert!(SourceKey::load(&path).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(SourceKey::load(&path), Err(KeyError::Open(_))));
    }

    /// The published vectors are of SipHash-2-4; the standard library's hasher is SipHash-1-3 with the key 0.
    #[test]
    fn the_hash_is_sip_hash_1_3() {
        use std::hash::Hasher as _;
        let address = Address {
            high: 0x0123_4567_89ab_cdef,
            low: 0xfedc_ba98_7654_3210,
        };
        let mut reference = std::hash::DefaultHasher::new();
        reference.write(&address.high.to_be_bytes());
        reference.write(&address.low.to_be_bytes());
        assert_eq!(SourceKey::public().hash(address).0, reference.finish());
        assert_ne!(SourceKey::new([1; 16]).hash(address).0, reference.finish());
    }
}
