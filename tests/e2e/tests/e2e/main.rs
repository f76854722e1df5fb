//! End-to-end tests: each module is a topic, each test a rule.

mod harness;
