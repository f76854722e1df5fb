//! Black-box tests of the filter's library.
