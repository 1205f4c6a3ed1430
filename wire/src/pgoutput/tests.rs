//! Byte-literal tests live here: valid messages, their every prefix, and damage.
