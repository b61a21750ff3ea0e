//! Which names the control plane answers to.
//!
//! A page of a stranger can give its own name the address of this machine (DNS rebinding) and then read our answers as
//! if they were its own; the `Host` header tells, as it still has the stranger's name. Inlets answer any name: they are
//! made for pages of strangers.

use std::collections::HashSet;
use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderValue, StatusCode};

use crate::api::{REQUEST_ID, problem};
use crate::app::App;
use crate::config::Config;
use crate::tls;

/// The names, in lower case.
pub(crate) struct Hosts(HashSet<String>);

impl Hosts {
    /// Those of the platform, the one of `public_url`, and those of the settings.
    pub(crate) fn new(config: &Config) -> Self {
        let public = config.public_url.parse::<http::Uri>().ok();
        let public = public.as_ref().and_then(http::Uri::host);
        let configured = config.listen.hosts.iter().map(String::as_str);
        let names = tls::HOSTS.into_iter().chain(public).chain(configured);
        Self(names.map(str::to_ascii_lowercase).collect())
    }

    /// An address is allowed: nobody can give it to another machine.
    fn allow(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        bare.parse::<IpAddr>().is_ok() || host.ends_with(".localhost") || self.0.contains(&host)
    }

    /// Whether a request may be answered: one that names no host comes from no browser.
    fn allow_request(&self, request: &Request) -> bool {
        let named = request
            .headers()
            .get_all(HOST)
            .iter()
            .map(|value| value.to_str().ok().and_then(|text| text.parse::<Authority>().ok()));
        let in_target = request.uri().authority().cloned().map(Some);
        named.chain(in_target).all(|host| host.is_some_and(|host| self.allow(host.host())))
    }
}

/// Refuses requests for names that are not ours.
pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.hosts.allow_request(&request) {
        return next.run(request).await;
    }
    let unknown = HeaderValue::from_static("");
    let request_id = request.headers().get(&REQUEST_ID).unwrap_or(&unknown);
    let detail =
        "the Host header names a host that this server does not answer to; see the setting listen.hosts";
    problem::generic(request.uri().path(), request_id, StatusCode::MISDIRECTED_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn names() {
        let mut config =
            Config { public_url: "https://Ingest.example.org:8443/x".to_owned(), ..Config::default() };
        config.listen.hosts = vec!["tributary.internal".to_owned()];
        let hosts = Hosts::new(&config);
        for (header, good) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("localhost.:80", true),
            ("app.localhost", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("10.1.2.3", true),
            ("platform.adobe.io", true),
            ("ingest.example.org:443", true),
            ("tributary.internal:8080", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("evillocalhost", false),
            ("x", false),
            ("", false),
            ("a b", false),
            ("user@localhost@evil.example", false),
        ] {
            let request = Request::builder().uri("/").header(HOST, header).body(Body::empty()).unwrap();
            assert_eq!(hosts.allow_request(&request), good, "{header}");
        }
        let none = Request::builder().uri("/").body(Body::empty()).unwrap();
        assert!(hosts.allow_request(&none));
        let target = Request::builder().uri("http://evil.example/").header(HOST, "localhost");
        assert!(!hosts.allow_request(&target.body(Body::empty()).unwrap()));
        let two = Request::builder().uri("/").header(HOST, "localhost").header(HOST, "evil.example");
        assert!(!hosts.allow_request(&two.body(Body::empty()).unwrap()));
    }
}
