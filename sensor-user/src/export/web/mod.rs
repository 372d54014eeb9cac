//! HTTP as the world meets it: who may ask, in what time, and how much of it.
//!
//! Everything here runs on the runtime's own threads: a hostile client can keep others from being answered, and never
//! keeps a packet from being counted.

mod config;
mod limits;
mod tls;
mod users;

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

pub use self::config::WebError;
use self::{
    config::WebFile,
    limits::{Limits, Place},
    users::Users,
};

/// How long a client may take for its request's header, the wait for the next request on a connection included.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take for the TLS handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may let an answer wait without reading any of it.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// The largest header of a request, in bytes.
const HEADER_BYTES: usize = 16 << 10;
/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who may ask, and how: as the file of `--web.config.file` says now.
#[derive(Debug)]
pub struct Web {
    path: Option<PathBuf>,
    rules: ArcSwap<Rules>,
    stamps: Mutex<Vec<Option<Stamp>>>,
}

/// What one reading of the file came to.
struct Rules {
    tls: Option<TlsAcceptor>,
    users: Users,
    headers: HeaderMap,
    /// The file itself, and all that it names.
    files: Vec<PathBuf>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("tls", &self.tls.is_some())
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// What tells one state of a file from the next.
type Stamp = (SystemTime, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    let about = path.metadata().ok()?;
    Some((about.modified().ok()?, about.len()))
}

impl Rules {
    fn read(path: Option<&Path>) -> Result<Self, WebError> {
        let Some(path) = path else {
            return Ok(Self {
                tls: None,
                users: Users::none(),
                headers: HeaderMap::new(),
                files: Vec::new(),
            });
        };
        let file = WebFile::read(path)?;
        Ok(Self {
            tls: file.tls()?,
            users: Users::new(file.users()?),
            headers: file.headers()?,
            files: file.files(),
        })
    }

    fn stamps(&self) -> Vec<Option<Stamp>> {
        self.files.iter().map(|path| stamp(path)).collect()
    }
}

impl Web {
    /// Plain HTTP, for everybody who reaches it.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            path: None,
            rules: ArcSwap::from_pointee(Rules {
                tls: None,
                users: Users::none(),
                headers: HeaderMap::new(),
                files: Vec::new(),
            }),
            stamps: Mutex::default(),
        }
    }

    /// As a file says; without one, as [`Self::plain`].
    ///
    /// # Errors
    /// The file, or one that it names, cannot be read or used.
    pub fn load(path: Option<&Path>) -> Result<Self, WebError> {
        let rules = Rules::read(path)?;
        Ok(Self {
            path: path.map(Path::to_owned),
            stamps: Mutex::new(rules.stamps()),
            rules: ArcSwap::from_pointee(rules),
        })
    }

    /// The files that are read again when they change.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.rules.load().files.clone()
    }

    /// Whether connections are encrypted now.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.rules.load().tls.is_some()
    }

    /// Reads the files anew if one has changed. A bad one is refused, and the old rules stay.
    fn look(&self) {
        let now = self.rules.load().stamps();
        let mut before = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if *before == now {
            return;
        }
        *before = now;
        match Rules::read(self.path.as_deref()) {
            Ok(rules) => {
                *before = rules.stamps();
                self.rules.store(Arc::new(rules));
                tracing::info!("web configuration read anew");
            }
            Err(error) => {
                tracing::error!(%error, "the new web configuration is refused; the old one stays in use");
            }
        }
    }
}

/// Serves until `stop` is done.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    web: Arc<Web>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = router.layer(middleware::from_fn_with_state(Arc::clone(&web), guard));
    let limits = Limits::default();
    let graceful = GracefulShutdown::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            _ = look.tick() => {
                web.look();
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a client that is gone already: neither ends the service.
                tracing::debug!(%error, "a connection cannot be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // One client too many is shown the door at once, so that it takes no place.
        let Some(place) = limits.enter(client.ip()) else {
            continue;
        };
        let (router, rules, watcher) = (router.clone(), web.rules.load_full(), graceful.watcher());
        tokio::spawn(async move {
            // A client's faults are its own; they are shown to who asks for them.
            if let Err(error) = connection(stream, router, &rules, place, watcher).await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    stream: TcpStream,
    router: Router,
    rules: &Rules,
    _place: Place,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), AnyError> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_PATIENCE));
    let stream = Box::pin(stream);
    match &rules.tls {
        None => answer(stream, router, watcher).await,
        Some(acceptor) => {
            let stream = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await??;
            answer(stream, router, watcher).await
        }
    }
}

async fn answer<S>(
    stream: S,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), AnyError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    Ok(watcher.watch(connection).await?)
}

/// Lets those pass who may ask.
async fn guard(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let rules = web.rules.load_full();
    let mut response = if rules
        .users
        .allow(request.headers().get(header::AUTHORIZATION))
        .await
    {
        next.run(request).await
    } else {
        let realm = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"))];
        (StatusCode::UNAUTHORIZED, realm, "Unauthorized\n").into_response()
    };
    for (name, value) in &rules.headers {
        response.headers_mut().insert(name, value.clone());
    }
    response
}
