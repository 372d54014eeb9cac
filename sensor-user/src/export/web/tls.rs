//! Certificates and keys: from their files to what a connection is encrypted with.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsAcceptor;

use super::config::{TlsTable, WebError};

/// Who must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientAuthority {
    Nobody,
    WhoHasOne,
    Everybody,
}

pub(super) fn acceptor(table: &TlsTable) -> Result<TlsAcceptor, WebError> {
    let provider = Arc::new(provider(table)?);
    let clients = verifier(table, &provider)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(table)?)
        .map_err(|error| unusable(&error))?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let chain = certificates(&table.cert_file)?;
    let key =
        PrivateKeyDer::from_pem_file(&table.key_file).map_err(|error| unreadable(&table.key_file, &error))?;
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&error))?;
    config.ignore_client_order = table.prefer_server_cipher_suites.unwrap_or(true);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, WebError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(path, &error))?;
    let chain: Vec<_> = read
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(path, &error))?;
    if chain.is_empty() {
        return Err(unreadable(path, &"no certificate is in it"));
    }
    Ok(chain)
}

fn unreadable(path: &Path, cause: &impl std::fmt::Display) -> WebError {
    WebError::Read {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}

fn unusable(cause: &impl std::fmt::Display) -> WebError {
    WebError::Tls {
        cause: cause.to_string(),
    }
}

fn client_authority(table: &TlsTable) -> Result<ClientAuthority, WebError> {
    let refused = |value: &str, cure| {
        Err(WebError::Value {
            key: "client_auth_type",
            value: format!("`{value}`"),
            cure,
        })
    };
    match table.client_auth_type.as_str() {
        "" | "NoClientCert" if table.client_ca_file.is_none() => Ok(ClientAuthority::Nobody),
        value @ ("" | "NoClientCert") => refused(
            value,
            "with `client_ca_file` write RequireAndVerifyClientCert or VerifyClientCertIfGiven",
        ),
        value @ ("VerifyClientCertIfGiven" | "RequireAndVerifyClientCert")
            if table.client_ca_file.is_none() =>
        {
            refused(
                value,
                "name the authority whose certificates count in `client_ca_file`",
            )
        }
        "VerifyClientCertIfGiven" => Ok(ClientAuthority::WhoHasOne),
        "RequireAndVerifyClientCert" => Ok(ClientAuthority::Everybody),
        value => refused(
            value,
            "a certificate that nobody verifies proves nothing: write RequireAndVerifyClientCert, \
             VerifyClientCertIfGiven or NoClientCert",
        ),
    }
}

fn verifier(
    table: &TlsTable,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, WebError> {
    let authority = client_authority(table)?;
    let (ClientAuthority::WhoHasOne | ClientAuthority::Everybody, Some(path)) =
        (authority, &table.client_ca_file)
    else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = match authority {
        ClientAuthority::WhoHasOne => builder.allow_unauthenticated(),
        _ => builder,
    };
    builder.build().map(Some).map_err(|error| unusable(&error))
}

fn versions(table: &TlsTable) -> Result<Vec<&'static SupportedProtocolVersion>, WebError> {
    let number = |key, value: &Option<String>, default| match value.as_deref() {
        None => Ok(default),
        Some("TLS12") => Ok(2),
        Some("TLS13") => Ok(3),
        Some(value) => Err(WebError::Value {
            key,
            value: format!("`{value}`"),
            cure: "older versions of TLS are broken: write TLS12 or TLS13",
        }),
    };
    let least = number("min_version", &table.min_version, 2)?;
    let most = number("max_version", &table.max_version, 3)?;
    if least > most {
        return Err(WebError::Value {
            key: "min_version",
            value: "above `max_version`".to_owned(),
            cure: "leave one of them out",
        });
    }
    let all = [(2, &TLS12), (3, &TLS13)];
    Ok(all
        .into_iter()
        .filter(|(number, _)| (least..=most).contains(number))
        .map(|(_, version)| version)
        .collect())
}

/// The suites and curves that are named; without names, all that are thought safe.
fn provider(table: &TlsTable) -> Result<CryptoProvider, WebError> {
    let mut provider = ring::default_provider();
    if !table.cipher_suites.is_empty() {
        let mut named = Vec::new();
        for name in &table.cipher_suites {
            // Names of TLS 1.3's suites have no number in the registry of IANA.
            let suite = provider.cipher_suites.iter().find(|suite| {
                let own = format!("{:?}", suite.suite());
                own == *name || own.replacen("TLS13_", "TLS_", 1) == *name
            });
            named.push(*suite.ok_or_else(|| WebError::Value {
                key: "cipher_suites",
                value: format!("`{name}`"),
                cure: "name suites with forward secrecy and authenticated encryption, or leave the key out",
            })?);
        }
        provider.cipher_suites = named;
    }
    if !table.curve_preferences.is_empty() {
        let mut named = Vec::new();
        for name in &table.curve_preferences {
            let own = match name.as_str() {
                "CurveP256" => "secp256r1",
                "CurveP384" => "secp384r1",
                other => other,
            };
            let group = provider
                .kx_groups
                .iter()
                .find(|group| format!("{:?}", group.name()).eq_ignore_ascii_case(own));
            named.push(*group.ok_or_else(|| WebError::Value {
                key: "curve_preferences",
                value: format!("`{name}`"),
                cure: "write X25519, CurveP256 or CurveP384",
            })?);
        }
        provider.kx_groups = named;
    }
    Ok(provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_curves_and_versions_go_by_the_formats_names() {
        let table = TlsTable {
            cipher_suites: vec![
                "TLS_AES_128_GCM_SHA256".to_owned(),
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384".to_owned(),
            ],
            curve_preferences: vec!["CurveP256".to_owned(), "X25519".to_owned()],
            min_version: Some("TLS13".to_owned()),
            ..TlsTable::default()
        };
        let provider = provider(&table).unwrap();
        assert_eq!((provider.cipher_suites.len(), provider.kx_groups.len()), (2, 2));
        assert_eq!(versions(&table).unwrap(), [&TLS13]);
        assert_eq!(versions(&TlsTable::default()).unwrap(), [&TLS12, &TLS13]);
    }

    #[test]
    fn what_is_weak_or_proves_nothing_is_refused() {
        let with = |change: fn(&mut TlsTable)| {
            let mut table = TlsTable::default();
            change(&mut table);
            table
        };
        assert!(
            provider(&with(
                |table| table.cipher_suites = vec!["TLS_RSA_WITH_RC4_128_SHA".to_owned()]
            ))
            .is_err()
        );
        assert!(provider(&with(|table| table.curve_preferences = vec!["P192".to_owned()])).is_err());
        assert!(versions(&with(|table| table.min_version = Some("TLS10".to_owned()))).is_err());
        for kind in [
            "RequestClientCert",
            "RequireAnyClientCert",
            "RequireAndVerifyClientCert",
        ] {
            let table = TlsTable {
                client_auth_type: kind.to_owned(),
                ..TlsTable::default()
            };
            assert!(client_authority(&table).is_err(), "{kind}");
        }
        let table = TlsTable {
            client_ca_file: Some("ca.pem".into()),
            ..TlsTable::default()
        };
        assert!(client_authority(&table).is_err());
    }
}
