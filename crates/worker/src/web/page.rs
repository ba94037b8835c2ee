//! The page: three files that are built from `page/` and checked in, so that a build of the worker needs no Node. They
//! fetch nothing but the API of the server that they came from.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// What the page may load and do: its own files and its own server, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
struct Asset {
    path: &'static str,
    kind: &'static str,
    content: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset { path: "/", kind: "text/html; charset=utf-8", content: include_str!("../../page/dist/index.html") },
    Asset {
        path: "/assets/page.js",
        kind: "text/javascript; charset=utf-8",
        content: include_str!("../../page/dist/assets/page.js"),
    },
    Asset {
        path: "/assets/page.css",
        kind: "text/css; charset=utf-8",
        content: include_str!("../../page/dist/assets/page.css"),
    },
];

/// The file under this path. Everybody may have it: the page asks for the token itself, and nothing else is in it.
pub(super) fn answer(path: &str) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.path == path)?;
    let headers = [(CONTENT_TYPE, asset.kind), (CONTENT_SECURITY_POLICY, POLICY)];
    Some((StatusCode::OK, headers, asset.content).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_its_own_files_only() {
        let [html, js, css] = &ASSETS;
        assert!(html.content.contains("src=\"/assets/page.js\"") && html.content.contains("href=\"/assets/page.css\""));
        for inline in ["<style", "style=\"", "onclick=", "onload=", "javascript:"] {
            assert!(!html.content.contains(inline), "{inline}");
        }
        assert_eq!(html.content.matches("<script").count(), 1);
        for asset in [html, css, js] {
            // The namespace of pictures is a name, nothing is fetched from there.
            let content = asset.content.replace("http://www.w3.org/2000/svg", "");
            for elsewhere in ["http://", "https://", "@import", "url(", "eval(", "innerHTML"] {
                assert!(!content.contains(elsewhere), "{}: {elsewhere}", asset.path);
            }
        }
        let bytes: usize = ASSETS.iter().map(|asset| asset.content.len()).sum();
        assert!(bytes < 150 * 1024, "{bytes} bytes, before any compression");
    }
}
