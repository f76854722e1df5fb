//! `kubernetes/` as kustomize renders it: what every kind allows, our own rules, who may reach whom.
//! The ignored tests apply it to a real API server.

mod cluster;
mod gateway;
mod logouts;
mod reach;
mod rendered;
mod rules;
mod schema;
