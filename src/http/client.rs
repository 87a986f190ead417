//! From where a request comes: from the connection's peer or, where that is a trusted proxy, from where the proxy says.
//!
//! Of a proxy in `TRUSTED_PROXIES`, `X-Forwarded-For` and `X-Forwarded-Proto` are heeded; of anybody else they are not, and
//! no other header of the kind is of anybody (`Forwarded`, `X-Forwarded-Host`, `X-Real-IP`). Each proxy appends the address
//! that it was reached from, so the list is read from its end, past trusted proxies: what stands before the first address
//! that is none of theirs is whatever the client wrote (RFC 7239, 5.2 and 8.1, on the same list in `Forwarded`).

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, header},
};
use ipnet::IpNet;

use crate::client::Client;

/// The proxies whose word is taken.
#[derive(Clone, Debug)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// All that are in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// From where a request of `peer` comes. What a proxy says that cannot be read counts as not said.
    fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Client {
        // An IPv4 address that comes through an IPv6 socket is still one.
        let peer = peer.map(|peer| peer.to_canonical());
        let through = peer.filter(|peer| self.trusts(*peer));
        let said = through.and_then(|_| self.nearest(headers));
        let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Client {
            address: said.or(peer),
            secure: through.is_some() && is_https(headers),
            user_agent: user_agent.map(ToOwned::to_owned),
            device: None,
        }
    }

    /// The last address of `X-Forwarded-For` that is no proxy's; the first where all are.
    fn nearest(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let mut found = None;
        for entry in values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',')) {
            let address = address(entry.trim())?;
            found = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        found
    }
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// What the nearest proxy says, which is the last to say it.
fn is_https(headers: &HeaderMap) -> bool {
    let last = headers.get_all("x-forwarded-proto").iter().next_back().and_then(|value| value.to_str().ok());
    last.and_then(|value| value.rsplit(',').next()).is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

/// Puts the [`Client`] with a request, before anything asks for it.
pub async fn find(State(proxies): State<Proxies>, mut request: Request) -> Request {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let client = proxies.client(peer, request.headers());
    request.extensions_mut().insert(client);
    request
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    /// From where a request of `peer` with these headers comes, behind proxies of a network and one more.
    fn client(peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::1/128".parse().unwrap()]);
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let client = proxies.client(Some(peer.parse().unwrap()), &headers.collect());
        (client.address.unwrap().to_string(), client.secure)
    }

    fn address_of(peer: &str, forwarded_for: &str) -> String {
        client(peer, &[("x-forwarded-for", forwarded_for)]).0
    }

    #[test]
    fn nobody_but_a_trusted_proxy_says_from_where_a_request_comes() {
        let forged = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
        assert_eq!(client("198.51.100.7", &forged), ("198.51.100.7".to_owned(), false));
        assert_eq!(client("10.1.2.3", &forged), ("203.0.113.9".to_owned(), true));
        assert_eq!(client("10.1.2.3", &[]), ("10.1.2.3".to_owned(), false));
        let others =
            [("forwarded", "for=203.0.113.9;proto=https"), ("x-real-ip", "203.0.113.9"), ("x-forwarded-ssl", "on")];
        assert_eq!(client("10.1.2.3", &others), ("10.1.2.3".to_owned(), false));
    }

    #[test]
    fn a_chain_is_read_from_its_end_to_the_first_that_is_no_proxy() {
        assert_eq!(
            address_of("10.1.2.3", "203.0.113.9, 198.51.100.7, 10.9.9.9"),
            "198.51.100.7",
            "what it wrote first"
        );
        assert_eq!(address_of("10.1.2.3", "10.0.0.1, 198.51.100.7"), "198.51.100.7", "as if it were a proxy");
        assert_eq!(address_of("10.1.2.3", "10.0.0.1, 10.0.0.2"), "10.0.0.1", "a client among the proxies");
        assert_eq!(address_of("2001:db8::1", "2001:db8::2, 10.0.0.2"), "2001:db8::2");
        let two_lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.7, 10.9.9.9")];
        assert_eq!(client("10.1.2.3", &two_lines).0, "198.51.100.7", "as one list");
    }

    #[test]
    fn what_is_no_address_counts_as_not_said() {
        for nonsense in ["unknown", "", "198.51.100.7,", "999.1.1.1", "198.51.100.7 10.0.0.1", "_hidden"] {
            assert_eq!(address_of("10.1.2.3", nonsense), "10.1.2.3", "{nonsense:?}");
        }
        assert_eq!(address_of("10.1.2.3", "nonsense, 198.51.100.7"), "198.51.100.7", "it is not read so far");
    }

    #[test]
    fn an_address_is_read_as_proxies_write_it() {
        assert_eq!(address_of("10.1.2.3", "198.51.100.7:4711"), "198.51.100.7");
        assert_eq!(address_of("10.1.2.3", "[2001:db8::7]:4711"), "2001:db8::7");
        assert_eq!(address_of("10.1.2.3", "[2001:db8::7]"), "2001:db8::7");
        assert_eq!(address_of("10.1.2.3", "::ffff:198.51.100.7"), "198.51.100.7");
        assert_eq!(address_of("::ffff:10.1.2.3", "198.51.100.7"), "198.51.100.7", "a peer of a socket for both");
    }

    #[test]
    fn of_several_schemes_that_of_the_nearest_proxy_counts() {
        let secure = |values: &[&'static str]| {
            let headers: Vec<_> = values.iter().map(|value| ("x-forwarded-proto", *value)).collect();
            client("10.1.2.3", &headers).1
        };
        assert!(secure(&["HTTPS"]) && secure(&["http, https"]) && secure(&["http", "https"]));
        assert!(!secure(&["https, http"]) && !secure(&["https", "http"]) && !secure(&["httpss"]) && !secure(&[""]));
    }
}
