//! Who may ask over HTTP: TLS, certificates of clients, passwords, and what the files' change does.

use std::{fs, path::Path};

use sensor_lab::{
    authority::{Authority, TLS},
    network::Network,
};

use crate::{
    Test,
    daemon::{Daemon, run},
    network, program,
};

pub const TESTS: [Test; 4] = [
    ("tls_is_spoken_where_a_certificate_is_named", tls),
    (
        "a_client_without_the_right_certificate_is_refused",
        client_certificates,
    ),
    ("only_right_passwords_pass_and_a_changed_file_counts", passwords),
    ("a_web_configuration_that_cannot_be_is_refused", refused),
];

/// How curl ends that was refused: by an answer that is no HTTP, in the handshake, without an answer, or cut while it
/// sent or read, or because a certificate is asked for.
const CURL_TLS: [i32; 6] = [1, 35, 52, 55, 56, 98];

/// curl's exit status, and the status of the answer.
fn curl(network: &Network, arguments: &[&str]) -> (i32, u16) {
    let mut command = network.command("curl").unwrap();
    command
        .args([
            "--silent",
            "--max-time",
            "20",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
        ])
        .args(arguments);
    let finished = program::run(&mut command, "");
    (finished.status.code().unwrap(), finished.output.parse().unwrap())
}

fn start<'network>(network: &'network Network, web: &str) -> Daemon<'network> {
    let arguments = ["-i", "rx", "--watch", "198.51.100.0/24", "--web.config.file", web];
    Daemon::start(network, &arguments)
}

const METRICS: &str = "https://127.0.0.1:10023/metrics";

fn tls() {
    let network = network("web-tls");
    let authority = Authority::make().unwrap();
    let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
    let mut daemon = start(&network, &authority.write(&format!("{TLS}{headers}")).unwrap());
    assert_eq!(daemon.await_log("serving metrics")["encrypted"], true);
    let ca = authority.file("ca.pem");
    let trusted = ["--cacert", &ca, METRICS];
    assert_eq!(curl(&network, &trusted), (0, 200));
    assert_eq!(curl(&network, &[&["--tlsv1.3"], &trusted[..]].concat()), (0, 200));
    assert_eq!(
        curl(&network, &[&["--tls-max", "1.2"], &trusted[..]].concat()),
        (0, 200)
    );
    // An authority that the client does not know; no TLS at all.
    assert_eq!(
        curl(&network, &["--cacert", &authority.file("other.pem"), METRICS]),
        (60, 0)
    );
    let (status, answer) = curl(&network, &["http://127.0.0.1:10023/metrics"]);
    assert!(CURL_TLS.contains(&status) && answer == 0, "{status} {answer}");

    let mut shown = network.command("curl").unwrap();
    shown
        .args(["--silent", "--head", "--request", "GET", "--max-time", "20"])
        .args(trusted);
    let shown = program::run(&mut shown, "").output.to_lowercase();
    assert!(shown.contains("x-frame-options: deny"), "{shown}");

    // A certificate that is replaced counts for the next connection; one that is damaged does not.
    authority.sign("server", "other").unwrap();
    daemon.await_log("web configuration read anew");
    assert_eq!(curl(&network, &trusted), (60, 0));
    let other = authority.file("other.pem");
    assert_eq!(curl(&network, &["--cacert", &other, METRICS]), (0, 200));
    fs::write(authority.file("server.pem"), "no certificate\n").unwrap();
    daemon.await_log("the new web configuration is refused");
    assert_eq!(curl(&network, &["--cacert", &other, METRICS]), (0, 200));
}

fn client_certificates() {
    let network = network("web-mtls");
    let authority = Authority::make().unwrap();
    let ca = authority.file("ca.pem");
    let [own, own_key, strange, strange_key] =
        ["client.pem", "client.key", "stranger.pem", "stranger.key"].map(|name| authority.file(name));
    let none: &[&str] = &[];
    let right: &[&str] = &["--cert", &own, "--key", &own_key];
    let wrong: &[&str] = &["--cert", &strange, "--key", &strange_key];
    for (kind, without_passes) in [
        ("RequireAndVerifyClientCert", false),
        ("VerifyClientCertIfGiven", true),
    ] {
        let clients = format!("  client_auth_type: {kind}\n  client_ca_file: ca.pem\n");
        let daemon = start(&network, &authority.write(&format!("{TLS}{clients}")).unwrap());
        for version in [&["--tlsv1.3"][..], &["--tls-max", "1.2"]] {
            let ask = |client: &[&str]| {
                curl(
                    &network,
                    &[version, &["--cacert", &ca], client, &[METRICS]].concat(),
                )
            };
            assert_eq!(ask(right), (0, 200), "{kind} {version:?}");
            for (client, passes) in [(none, without_passes), (wrong, false)] {
                let (status, answer) = ask(client);
                if passes {
                    assert_eq!((status, answer), (0, 200), "{kind} {version:?}");
                } else {
                    assert!(
                        CURL_TLS.contains(&status) && answer == 0,
                        "{kind} {version:?}: {status} {answer}"
                    );
                }
            }
        }
        drop(daemon);
    }
}

fn passwords() {
    let network = network("web-passwords");
    let authority = Authority::make().unwrap();
    let users = |password: &str| {
        let hash = bcrypt::hash(password, 4).unwrap();
        format!(
            "basic_auth_users:\n  alice: {hash}\n  bob: {}\n",
            bcrypt::hash("bob's", 4).unwrap()
        )
    };
    let web = authority.write(&users("open sesame")).unwrap();
    let mut daemon = start(&network, &web);
    let ask = |user: &str, path: &str| {
        let url = format!("http://127.0.0.1:10023{path}");
        let user = if user.is_empty() {
            vec![]
        } else {
            vec!["--user", user]
        };
        curl(&network, &[&user[..], &[&url]].concat())
    };
    for path in [
        "/",
        "/metrics",
        "/healthz",
        "/readyz",
        "/api/v1/snapshot",
        "/nothere",
    ] {
        for user in [
            "",
            "alice:open barley",
            "alice:",
            "carol:open sesame",
            "bob:open sesame",
        ] {
            assert_eq!(ask(user, path), (0, 401), "{user:?} {path}");
        }
        let expected = if path == "/nothere" { 404 } else { 200 };
        for user in ["alice:open sesame", "bob:bob's"] {
            assert_eq!(ask(user, path), (0, expected), "{user:?} {path}");
        }
    }
    authority.write(&users("shut sesame")).unwrap();
    daemon.await_log("web configuration read anew");
    assert_eq!(ask("alice:open sesame", "/metrics"), (0, 401));
    assert_eq!(ask("alice:shut sesame", "/metrics"), (0, 200));
    // Never open for everybody because of a mistake.
    authority
        .write("basic_auth_users:\n  alice: shut sesame\n")
        .unwrap();
    daemon.await_log("the new web configuration is refused");
    assert_eq!(ask("", "/metrics"), (0, 401));
    assert_eq!(ask("alice:shut sesame", "/metrics"), (0, 200));
    fs::remove_file(Path::new(&web)).unwrap();
    daemon.next_look();
    assert_eq!(ask("", "/metrics"), (0, 401));
}

fn refused() {
    let network = network("web-refused");
    let authority = Authority::make().unwrap();
    for (text, part) in [
        (
            "tls_server_config:\n  cert_file: server.pem\n  key_file: client.key\n",
            "of one pair",
        ),
        (
            "tls_server_config:\n  cert_file: server.pem\n  key_file: nothere.key\n",
            "nothere.key",
        ),
        ("basic_auth_users:\n  alice: secret\n", "htpasswd"),
        ("basic_auth_userz: {}\n", "basic_auth_userz"),
    ] {
        let web = authority.write(text).unwrap();
        let finished = run(
            &network,
            &[
                "run",
                "-i",
                "rx",
                "--watch",
                "198.51.100.0/24",
                "--web.config.file",
                &web,
            ],
        );
        assert_eq!(finished.status.code(), Some(2), "{}", finished.errors);
        assert!(finished.errors.contains(part), "{}", finished.errors);
        assert_eq!(crate::daemon::attached(&network), []);
    }
}
