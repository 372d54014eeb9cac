//! The HTTP service: metrics, health and the snapshot.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use tokio::{net::TcpListener, sync::Semaphore};

use super::{
    metrics::Metrics,
    page,
    published::Published,
    web::{self, Web},
};

/// Rows of each list that the service gives unless asked for more.
const DEFAULT_ROWS: usize = 100;
/// The most that it gives: every port of TCP and UDP.
const MOST_ROWS: usize = 1 << 17;
/// An answer with more rows than this takes megabytes.
const FEW_ROWS: usize = 1_000;
/// Large answers in memory at a time, those included that somebody is slow to read.
const LARGE_ANSWERS: usize = 4;

/// What the handlers work with.
pub struct Service {
    /// The metrics.
    pub metrics: Metrics,
    /// The published state.
    pub published: Arc<Published>,
    /// A tick later than this after the last is no good health.
    pub patience: Duration,
}

struct Answers {
    service: Service,
    large: Arc<Semaphore>,
}

impl std::ops::Deref for Answers {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// Serves until `stop` is done, to those whom `web` lets in.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    web: Arc<Web>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .merge(page::routes())
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/api/v1/snapshot", get(snapshot))
        .with_state(Arc::new(Answers {
            service,
            large: Arc::new(Semaphore::new(LARGE_ANSWERS)),
        }));
    web::serve(listener, router, web, stop).await
}

async fn metrics(State(service): State<Arc<Answers>>) -> Response {
    match service.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Alive: the tick that reads the totals has run lately.
async fn healthz(State(service): State<Arc<Answers>>) -> Response {
    match service.published.get() {
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "starting: the totals were not read yet\n",
        )
            .into_response(),
        Some(state) => {
            // Not by the wall clock: it may step.
            let age = state.read.elapsed();
            if age > service.patience {
                let text = format!("the totals were last read {age:.0?} ago\n");
                return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
            }
            "ok\n".into_response()
        }
    }
}

/// Ready: alive, attached, and every count adds up.
async fn readyz(State(service): State<Arc<Answers>>) -> Response {
    let Some(state) = service.published.get() else {
        return healthz(State(service)).await;
    };
    let law = &state.snapshot.conservation;
    if law.difference != 0 {
        let text = format!(
            "the law of conservation is broken: difference {} packets (see the log for its terms)\n",
            law.difference
        );
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    if state.attachments.is_empty() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the program is attached nowhere\n",
        )
            .into_response();
    }
    let gone = state
        .attachments
        .iter()
        .find_map(|attachment| Some((&attachment.interface, attachment.trouble.as_ref()?)));
    if let Some((interface, trouble)) = gone {
        let text = format!(
            "the program is not attached to {interface} any more: {trouble}; it is attached again when that is over\n"
        );
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    healthz(State(service)).await
}

#[derive(Deserialize)]
struct Limit {
    limit: Option<usize>,
}

async fn snapshot(State(service): State<Arc<Answers>>, Query(query): Query<Limit>) -> Response {
    let Some(state) = service.published.get() else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "starting: the totals were not read yet\n",
        )
            .into_response();
    };
    let rows = query.limit.unwrap_or(DEFAULT_ROWS).min(MOST_ROWS);
    if rows <= FEW_ROWS {
        return Json(state.snapshot.clone().limited(rows)).into_response();
    }
    let Ok(place) = Arc::clone(&service.large).acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let answer = Json(state.snapshot.clone().limited(rows)).into_response();
    // The place is free again when the last of the answer is on its way, or its reader is given up.
    answer.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _held = &place;
            frame
        }))
    })
}
