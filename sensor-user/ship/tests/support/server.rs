//! An S3-compatible server over loopback, compiled when it is first wanted.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use libtest_mimic::Failed;

/// Compiles the server, once.
pub fn server_program() -> Result<PathBuf, Failed> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = here
        .ancestors()
        .find(|folder| folder.join("xtask/shelf").is_dir())
        .ok_or("the server's source is not beside this")?;
    let folder = project.join("target/shelf");
    let status = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(project.join("xtask/shelf/Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .status()?;
    if !status.success() {
        return Err("the server of objects cannot be compiled".into());
    }
    Ok(folder.join("debug/teiten-shelf"))
}

/// A server; dropping it kills it.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    pub fn start(program: &Path, root: &Path, port: u16) -> Self {
        let mut child = Command::new(program)
            .arg(root)
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| line.unwrap().strip_prefix("listening ")?.parse().ok());
        Self {
            child,
            port: port.unwrap(),
        }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file with the server's credentials, or with wrong ones.
pub fn credentials(directory: &Path, secret: &str) -> PathBuf {
    let path = directory.join("credentials");
    fs::write(
        &path,
        format!("AWS_ACCESS_KEY_ID=me\nAWS_SECRET_ACCESS_KEY={secret}\n"),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}
