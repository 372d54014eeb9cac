//! An S3-compatible server for tests: it keeps objects as files, says each that arrived, and can be killed at any time.
//!
//! `teiten-shelf FOLDER PORT`: buckets are folders of FOLDER, and port 0 is any that is free. Each answer is a line
//! `STATUS METHOD PATH` in `FOLDER/.log`.

use std::{env, error::Error, fs::OpenOptions, io::Write as _, sync::Arc, time::Duration};

use hyper::service::{Service, service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};

/// So that whoever kills it finds it in the middle of something.
const SLOWNESS: Duration = Duration::from_millis(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(folder), Some(port)) = (arguments.next(), arguments.next()) else {
        return Err("usage: teiten-shelf FOLDER PORT".into());
    };
    let storage = s3s_fs::FileSystem::new(&folder).map_err(|error| format!("{folder}: {error:?}"))?;
    let mut builder = S3ServiceBuilder::new(storage);
    builder.set_auth(SimpleAuth::from_single("me", "hush"));
    let service = builder.build();
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(format!("{folder}/.log"))?;
    let log = Arc::new(log);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    println!("listening {}", listener.local_addr()?.port());
    loop {
        let (socket, _) = listener.accept().await?;
        let (service, log) = (service.clone(), Arc::clone(&log));
        tokio::spawn(async move {
            let logged = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let asked = format!("{} {}", request.method(), request.uri().path());
                let (answer, log) = (Service::call(&service, request), Arc::clone(&log));
                async move {
                    tokio::time::sleep(SLOWNESS).await;
                    let answer = answer.await;
                    if let Ok(answer) = &answer {
                        let _ =
                            (&*log).write_all(format!("{} {asked}\n", answer.status().as_u16()).as_bytes());
                    }
                    answer
                }
            });
            // Whoever hangs up is served no more.
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(socket), logged)
                .await;
        });
    }
}
