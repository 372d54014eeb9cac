//! Who may ask, by name and password (RFC 7617), against bcrypt hashes.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::HeaderValue;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// Passwords that are known to be right. More come only by more users.
const MOST_PROVEN: usize = 100;
/// How long a password waits until it is its turn: one is tried at a time, because each costs a CPU some 50 ms.
const TURN_PATIENCE: Duration = Duration::from_secs(10);
/// The longest user name and password together that are looked at, in bytes.
const MOST_BYTES: usize = 1024;

/// Names and hashes.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, String>,
    proven: Mutex<HashSet<[u8; 32]>>,
    turn: Semaphore,
}

impl Users {
    /// Everybody may ask.
    pub(super) fn none() -> Self {
        Self::new(BTreeMap::new())
    }

    /// These may ask; with none, everybody.
    pub(super) fn new(hashes: BTreeMap<String, String>) -> Self {
        Self {
            hashes,
            proven: Mutex::default(),
            turn: Semaphore::new(1),
        }
    }

    /// Whether a request with this header may pass.
    pub(super) async fn allow(&self, authorization: Option<&HeaderValue>) -> bool {
        let Some(any_hash) = self.hashes.values().next() else {
            return true;
        };
        let Some((user, password)) = authorization.and_then(credentials) else {
            return false;
        };
        let own_hash = self.hashes.get(&user);
        // A name that is not there takes as long as one that is.
        let hash = own_hash.unwrap_or(any_hash).clone();
        let proof = proof_of(&user, &password, &hash);
        if self.lock().contains(&proof) {
            return true;
        }
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN_PATIENCE, self.turn.acquire()).await else {
            return false;
        };
        let matches = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let right = matches.await.unwrap_or(false) && own_hash.is_some();
        if right {
            let mut proven = self.lock();
            if proven.len() >= MOST_PROVEN {
                proven.clear();
            }
            proven.insert(proof);
        }
        right
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands for a proven password: the salt is in the hash, so it says nothing about the password elsewhere.
fn proof_of(user: &str, password: &str, hash: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [user, password, hash] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().into()
}

/// User and password of `Basic BASE64`.
fn credentials(header: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > MOST_BYTES * 4 / 3 {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    #[test]
    fn credentials_are_read_as_rfc_7617_has_them() {
        // The example of section 2.
        let read = credentials(&header("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(read, Some(("Aladdin".to_owned(), "open sesame".to_owned())));
        for wrong in [
            "Basic",
            "Basic ",
            "Basic ::::",
            "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Basic QWxh",
        ] {
            assert_eq!(credentials(&header(wrong)), None, "{wrong}");
        }
        assert_eq!(
            credentials(&header(&format!("Basic {}", "QUFB".repeat(1_000)))),
            None
        );
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_user_passes_first_and_again() {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        let users = Users::new(BTreeMap::from([("Aladdin".to_owned(), hash)]));
        let right = header("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        for _ in 0..2 {
            assert!(users.allow(Some(&right)).await);
            for (user, password) in [("Aladdin", "open barley"), ("Carol", "open sesame"), ("", "")] {
                let wrong = header(&format!(
                    "Basic {}",
                    STANDARD.encode(format!("{user}:{password}"))
                ));
                assert!(!users.allow(Some(&wrong)).await, "{user}");
            }
            assert!(!users.allow(None).await);
        }
        assert!(Users::none().allow(None).await);
    }
}
