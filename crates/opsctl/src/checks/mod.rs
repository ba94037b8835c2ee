//! Pure judgements: what was seen → what is wrong and what mends it. No I/O.
