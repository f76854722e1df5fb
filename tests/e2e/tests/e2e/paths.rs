//! Paths and hosts as shipped: Envoy normalises what it can, and what is left is refused. A
//! spelling of `/customers` never goes round the checks for `/customers`.

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::stacks::shared_stack;
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use xtask::stack::{Part, Stack};

use crate::support::*;

fn send(stack: &Stack, request: &Request) -> Reply {
    request.send(stack.address(Part::Envoy))
}

/// Without a token and with a manager's.
fn both(stack: &Stack, target: &[u8]) -> [Reply; 2] {
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    let request = Request::get(target);
    [send(stack, &request), send(stack, &request.bearer(&token))]
}

#[test]
fn a_spelling_that_envoy_normalises_is_the_path_itself() {
    let stack = shared_stack();
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    let list = get(stack, "/customers", Some(&token)).text();
    for target in [
        "//customers",
        "///customers",
        "/./customers",
        "/products/../customers",
        "/products/./../customers",
        "/products/%2e%2e/customers",
        "/products/%2E%2e/customers",
        "/nowhere/../customers",
        "/auth/realms/api-gateway-poc/../../../customers",
        "/../customers",
        "/customers?x=//../;%2f%5c\\",
    ] {
        let [guest, manager] = both(stack, target.as_bytes());
        assert_token_missing(&guest);
        assert_answer(&manager, 200, &list);
    }
}

#[test]
fn a_path_that_stays_ambiguous_is_400() {
    let stack = shared_stack();
    let targets: [&[u8]; 16] = [
        b"/products/..%2fcustomers",
        b"/products/..%2Fcustomers",
        b"/products%2f..%2fcustomers",
        b"/products/..%5ccustomers",
        b"/products/..%5Ccustomers",
        b"/%2fcustomers",
        b"/customers;x",
        b"/customers;/1",
        b"/customers/1;x=y",
        b"/products;/../customers;x",
        b"/customers%00",
        b"/customers%00/1",
        b"/customers/%0d%0a",
        b"/products/%252e%252e/customers",
        b"/products/%252fcustomers",
        b"/customers/%zz",
    ];
    for target in targets {
        for reply in both(stack, target) {
            assert_eq!(reply.status, 400, "{}: {reply:?}", target.escape_ascii());
        }
    }
}

#[test]
fn bytes_that_are_no_path_are_400() {
    let stack = shared_stack();
    let targets: [&[u8]; 7] = [
        b"/caf\xc3\xa9",
        b"/customers\xff",
        b"/\xc0\xafcustomers",
        b"/customers\x00",
        b"/customers\x01",
        b"/customers\x7f",
        b"/customers#x",
    ];
    for target in targets {
        for reply in both(stack, target) {
            assert_eq!(reply.status, 400, "{}: {reply:?}", target.escape_ascii());
        }
    }
}

#[test]
fn what_envoy_decodes_is_checked_as_what_it_is() {
    let stack = shared_stack();
    let customers = ["/%63ustomers", "/c%75stomers/1", "/%2e/customers", "/customers/%31"];
    let backslashes = ["/products\\..\\customers", "/products\\../customers", "/\\customers"];
    for target in customers.into_iter().chain(backslashes) {
        let [guest, manager] = both(stack, target.as_bytes());
        assert_token_missing(&guest);
        assert_eq!(manager.status, 200, "{target}: {manager:?}");
    }
    for target in
        ["/%43ustomers", "/customers%2e", "/customers%58", "/products/%2e%2e%63/customers"]
    {
        both(stack, target.as_bytes()).iter().for_each(assert_nothing_there);
    }
}

#[test]
fn the_host_does_not_matter_here() {
    let stack = shared_stack();
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    let port = stack.ports().of(Part::Envoy);
    let hosts = [
        "localhost".to_owned(),
        format!("localhost:{port}"),
        "localhost.".to_owned(),
        format!("localhost.:{port}"),
        "LOCALHOST".to_owned(),
        "evil.example".to_owned(),
        "[::1]".to_owned(),
        "127.0.0.1:1".to_owned(),
    ];
    for host in hosts {
        let request = Request::get("/customers").host(&host);
        assert_token_missing(&send(stack, &request));
        assert_eq!(send(stack, &request.bearer(&token)).status, 200, "{host}");
        let elsewhere = Request::get("/customersX").host(&host).bearer(&token);
        assert_nothing_there(&send(stack, &elsewhere));
    }
}

#[test]
fn no_host_is_400_and_two_are_no_way_round() {
    let stack = shared_stack();
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    let none = Request::get("/customers").bearer(&token).without_host();
    assert_eq!(send(stack, &none).status, 400);
    let two = Request::get("/customers").host("localhost").header("host", "evil.example");
    assert_token_missing(&send(stack, &two));
    let two = Request::get("/customersX").host("localhost").header("host", "evil.example");
    assert_nothing_there(&send(stack, &two.bearer(&token)));
}

#[test]
fn an_absolute_target_is_its_path() {
    let stack = shared_stack();
    for host in ["localhost", "evil.example", "localhost.:80"] {
        let [guest, manager] = both(stack, format!("http://{host}/customers").as_bytes());
        assert_token_missing(&guest);
        assert_eq!(manager.status, 200, "{host}: {manager:?}");
        let [guest, manager] =
            both(stack, format!("http://{host}/products/../customers").as_bytes());
        assert_token_missing(&guest);
        assert_eq!(manager.status, 200, "{host}: {manager:?}");
        for reply in both(stack, format!("http://{host}/products/..%2fcustomers").as_bytes()) {
            assert_eq!(reply.status, 400, "{host}: {reply:?}");
        }
        for reply in both(stack, format!("http://{host}").as_bytes()) {
            assert_nothing_there(&reply);
        }
    }
}

#[test]
fn what_is_no_path_at_all_is_refused() {
    let stack = shared_stack();
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    for (method, target) in [
        ("OPTIONS", "*"),
        ("GET", "*"),
        ("GET", "customers"),
        ("GET", "\\customers"),
        ("GET", "?/customers"),
        ("CONNECT", "localhost:80"),
        ("CONNECT", "/customers"),
        ("CONNECT", "customers"),
    ] {
        for request in [Request::new(method, target), Request::new(method, target).bearer(&token)] {
            let reply = send(stack, &request);
            assert!(matches!(reply.status, 400 | 404), "{request}: {reply:?}");
        }
    }
}
