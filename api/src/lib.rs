//! The experimentation API: users, experiments, assignments, events, analytics.
