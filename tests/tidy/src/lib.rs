//! Nothing but a place for the rules in `tests/`.
