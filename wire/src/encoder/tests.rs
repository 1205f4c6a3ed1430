//! Tests of the encoder through its public face.
