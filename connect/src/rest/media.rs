//! What Connect's HTTP layer asks of media types before any resource is asked.

use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;

use super::answer::bare;

/// Connect takes and gives JSON only: 415 and 406 for anything else.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    match refused_media(&request) {
        Some(status) => bare(status),
        None => next.run(request).await,
    }
}

fn refused_media(request: &Request) -> Option<u16> {
    let media = |name: header::HeaderName| {
        let value = request.headers().get(name)?.to_str().ok()?;
        Some(value.to_ascii_lowercase())
    };
    let first = |given: &str| given.split(';').next().map(|media| media.trim().to_owned());
    let given = media(header::CONTENT_TYPE);
    if given.is_some_and(|given| first(&given).as_deref() != Some("application/json")) {
        return Some(415);
    }
    let json = |range: String| matches!(&*range, "*/*" | "application/*" | "application/json");
    let takes_json = |accepted: &str| accepted.split(',').filter_map(first).any(json);
    media(header::ACCEPT)
        .is_some_and(|accepted| !takes_json(&accepted))
        .then_some(406)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn refused(headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refused_media(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn only_json_is_taken_and_given() {
        for (headers, status) in [
            (&[][..], None),
            (&[("content-type", "APPLICATION/json; charset=utf-8")], None),
            (&[("accept", "application/json;q=0")], None),
            (&[("content-type", "text/json")], Some(415)),
            (&[("accept", "text/html, */*;q=0.1")], None),
            (&[("accept", "text/html")], Some(406)),
        ] {
            assert_eq!(refused(headers), status, "{headers:?}");
        }
    }
}
