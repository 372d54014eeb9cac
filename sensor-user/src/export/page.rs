//! The page at `/`: the live picture for a browser, with nothing asked of any other host.

use axum::{Router, http::header, routing::get};

/// A page that a hostile packet or proxy tries to add to is left as it is (Content Security Policy, level 3). The
/// one attribute that the script sets, the length of a bar, goes through the object model, which is allowed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Markdown that any browser shows.
const TEXT: &str = "text/plain; charset=utf-8";

/// The page, its style and its script; and the documentation of what it shows.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    [
        ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
        (
            "/page.css",
            "text/css; charset=utf-8",
            include_str!("page/page.css"),
        ),
        (
            "/page.js",
            "text/javascript; charset=utf-8",
            include_str!("page/page.js"),
        ),
        // What the words on the page mean, where there is no way to the project's own pages.
        (
            "/docs/definitions.md",
            TEXT,
            include_str!("../../../docs/definitions.md"),
        ),
        (
            "/docs/operations.md",
            TEXT,
            include_str!("../../../docs/operations.md"),
        ),
        ("/docs/metrics.md", TEXT, include_str!("../../../docs/metrics.md")),
        (
            "/docs/snapshot.md",
            TEXT,
            include_str!("../../../docs/snapshot.md"),
        ),
    ]
    .into_iter()
    .fold(Router::new(), |router, (path, kind, text)| {
        router.route(
            path,
            get(move || async move {
                let headers = [
                    (header::CONTENT_TYPE, kind),
                    (header::CONTENT_SECURITY_POLICY, POLICY),
                    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                    (header::REFERRER_POLICY, "no-referrer"),
                    (header::CACHE_CONTROL, "no-cache"),
                ];
                (headers, text)
            }),
        )
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_asks_nothing_of_any_other_host() {
        let texts = [
            include_str!("page/index.html"),
            include_str!("page/page.css"),
            include_str!("page/page.js"),
        ];
        for text in texts {
            assert!(
                !text.contains("://") && !text.contains("src=\"//"),
                "an address of another host"
            );
            for sign in [
                "innerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "style=",
                "onclick",
                "url(",
            ] {
                assert!(!text.contains(sign), "{sign}");
            }
        }
    }
}
