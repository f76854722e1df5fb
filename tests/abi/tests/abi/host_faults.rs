//! A host that refuses: whatever it answers, with numbers the SDK knows and numbers it does not,
//! the module does not trap and forwards nothing that it could not finish.

use claimgate_abi::{Answer, Fate, Vm, status};

use crate::gateway::{Gateway, permit, request};
use crate::policy::{CLUSTERS, demo, without_roles};
use crate::tokens::{Key, claims, jwks};

const STATUSES: [u32; 6] = [
    status::NOT_FOUND,
    status::BAD_ARGUMENT,
    status::INVALID_MEMORY_ACCESS,
    status::CAS_MISMATCH,
    status::INTERNAL_FAILURE,
    status::BROKEN_CONNECTION,
];

/// What the module calls while it serves requests, but for two: a call is made through the SDK,
/// which traps on what Envoy cannot answer there (`BAD_ARGUMENT` and `INTERNAL_FAILURE`, which it
/// can, have tests of their own), and the SDK enters the context of whoever made a call itself.
const FUNCTIONS: [&str; 15] = [
    "proxy_log",
    "proxy_get_property",
    "proxy_get_header_map_pairs",
    "proxy_get_buffer_bytes",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_send_local_response",
    "proxy_continue_stream",
    "proxy_enqueue_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
];

/// Every kind of request and answer once; what must not have gone upstream.
fn exercise(gateway: &mut Gateway) {
    let token = gateway.token();
    let spoofed = |path| request(path).with("x-user-roles", "admin").with("x_user_email", "evil");
    let bearer = |path| spoofed(path).with("authorization", format!("Bearer {token}"));
    let anonymous = gateway.send(spoofed("/auth/me"));
    let refused = gateway.send(spoofed("/customers"));
    let waiting = gateway.send(bearer("/customers"));
    let streams = [anonymous, refused, waiting];
    for stream in streams {
        gateway.body(stream, 3, false);
    }
    gateway.deliver_queue();
    gateway.tick();
    for _ in 0..2 {
        for call in gateway.in_flight() {
            let keys = call.cluster == "idp";
            let answer =
                if keys { Answer::new(200, jwks(&[&Key::one()])) } else { permit(&["user"]) };
            gateway.answer(call.token, answer);
        }
    }
    for stream in streams {
        if let Fate::Forwarded(headers) = gateway.fate(stream) {
            assert_ne!(headers.text("x-user-roles").as_deref(), Some("admin"));
            assert!(!headers.has("x_user_email") && !headers.has("authorization"));
        }
        gateway.close(stream);
    }
    assert!(!matches!(gateway.reply(refused), Some(reply) if reply.status < 400));
}

#[test]
fn no_status_of_any_host_function_is_a_trap_or_a_way_in() {
    for function in FUNCTIONS {
        for status in STATUSES {
            let mut gateway = Gateway::cold(&demo());
            gateway.refuse(function, status);
            exercise(&mut gateway);
        }
    }
}

#[test]
fn no_status_at_configuration_is_a_trap() {
    let functions = [
        "proxy_log",
        "proxy_get_buffer_bytes",
        "proxy_register_shared_queue",
        "proxy_set_tick_period_milliseconds",
    ];
    for function in functions {
        for status in STATUSES {
            let mut vm = Vm::start(&CLUSTERS);
            vm.refuse(function, status);
            let (root, accepted) = vm.root(demo().to_string().as_bytes());
            assert_eq!(accepted, function != "proxy_get_buffer_bytes", "{function} {status}");
            vm.relent();
            let mut gateway = Gateway { vm, root };
            let stream = gateway.send(request("/customers"));
            gateway.refused(stream, if accepted { 401 } else { 500 });
        }
    }
}

#[test]
fn a_header_that_cannot_be_set_is_an_error_and_not_a_request() {
    for status in STATUSES {
        let mut gateway = Gateway::warm(&without_roles());
        gateway.refuse("proxy_replace_header_map_value", status);
        let token = gateway.token();
        let stream = gateway.get("/products", &token);
        gateway.refused(stream, 500);
        let stream = gateway.get("/customers", &token);
        let call = gateway.only_call();
        gateway.answer(call.token, permit(&["user"]));
        gateway.refused(stream, 500);
        assert_eq!(gateway.counted("claimgate.allowed"), 0);
    }
}

#[test]
fn a_header_that_cannot_be_removed_is_an_error_and_not_a_request() {
    for status in STATUSES {
        let mut gateway = Gateway::cold(&demo());
        gateway.refuse("proxy_remove_header_map_value", status);
        let stream = gateway.send(request("/auth/me").with("x-user-roles", "admin"));
        gateway.refused(stream, 500);
    }
}

#[test]
fn headers_that_cannot_be_read_are_not_forwarded() {
    for status in STATUSES {
        let mut gateway = Gateway::cold(&demo());
        gateway.refuse("proxy_get_header_map_pairs", status);
        let stream = gateway.send(request("/auth/me"));
        assert!(matches!(gateway.fate(stream), Fate::Replied(reply) if reply.status >= 400));
    }
}

#[test]
fn a_queue_that_could_not_be_registered_leaves_the_tick() {
    let mut vm = Vm::start(&CLUSTERS);
    vm.refuse("proxy_register_shared_queue", status::INTERNAL_FAILURE);
    let (root, accepted) = vm.root(without_roles().to_string().as_bytes());
    assert!(accepted);
    vm.relent();
    let mut gateway = Gateway { vm, root };
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    assert_eq!(gateway.deliver_queue(), 0);
    gateway.tick();
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    gateway.resumed_last(stream);
}

/// Each VM then fetches for itself.
#[test]
fn a_host_without_shared_data_serves_all_the_same() {
    for (function, status) in [
        ("proxy_get_shared_data", status::NOT_FOUND),
        ("proxy_get_shared_data", status::INTERNAL_FAILURE),
        ("proxy_set_shared_data", status::INTERNAL_FAILURE),
        ("proxy_set_shared_data", status::BROKEN_CONNECTION),
    ] {
        let mut gateway = Gateway::cold(&without_roles());
        gateway.refuse(function, status);
        let token = gateway.token();
        let stream = gateway.get("/products", &token);
        let call = gateway.fetch();
        gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
        gateway.resumed_last(stream);
        let again = gateway.get("/products", &token);
        gateway.forwarded(again);
        gateway.tick();
        assert_eq!(gateway.calls(), 1, "{function} {status}");
    }
}

/// Others are always faster: a request waits until somebody looks, and is then undecided.
#[test]
fn shared_data_that_others_always_change_first_leaves_nobody_waiting() {
    let mut gateway = Gateway::cold(&without_roles());
    gateway.refuse("proxy_set_shared_data", status::CAS_MISMATCH);
    let stream = gateway.get("/products", &gateway.token());
    gateway.held(stream);
    for _ in 0..3 {
        gateway.deliver_queue();
        gateway.tick();
    }
    gateway.unavailable(stream);
}

/// `verify_signature` is believed only by a module that has seen it tell good from bad.
#[test]
fn a_host_whose_signature_check_always_says_the_same_is_not_believed() {
    let verified: &[u8] = &[0x08, 0x01];
    let failed: &[u8] = b"\x12\x06failed";
    for lie in [verified, failed, b"", b"\x08", b"\x08\x01\x00", b"\xff\xff\xff"] {
        let mut vm = Vm::start(&CLUSTERS);
        vm.answer_foreign(lie);
        let (root, accepted) = vm.root(demo().to_string().as_bytes());
        assert!(accepted, "{lie:?}: {:?}", vm.logs());
        let mut gateway = Gateway { vm, root };
        let good = gateway.token();
        let forged = Key::foreign().sign(&claims(gateway.now()));
        let streams = [&good, &forged].map(|token| gateway.get("/customers", token));
        let call = gateway.fetch();
        gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
        assert!(matches!(gateway.fate(streams[0]), Fate::Held), "{lie:?}: asks for a decision");
        assert!(matches!(gateway.fate(streams[1]), Fate::Replied(_)), "{lie:?}: refused");
    }
}
