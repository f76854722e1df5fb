//! Claimgate's filter: decides, inside Envoy, who may make a request.
