;; Stands before the filter in a module that is for tests alone: everything is the filter's own, but for a request with
;; more than 80 headers, on which the module traps. The filter itself must not trap, so that nothing else shows what
;; becomes of a gateway when it does. `cargo xtask test-gateway` puts the two together (`wasm-merge`).
(module
  (import "filter" "proxy_on_request_headers"
    (func $filter (param i32 i32 i32) (result i32)))
  (func (export "proxy_on_request_headers")
    (param $stream i32) (param $headers i32) (param $last i32) (result i32)
    (if (i32.gt_u (local.get $headers) (i32.const 80)) (then (unreachable)))
    (call $filter (local.get $stream) (local.get $headers) (local.get $last))))
