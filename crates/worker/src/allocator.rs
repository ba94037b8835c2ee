//! What the allocator is told once, at the program's start.
#![expect(unsafe_code, reason = "mallopt has no safe wrapper")]

/// Larger blocks come from the system, and go back to it when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const FROM_THE_SYSTEM_BYTES: libc::c_int = 8 << 20;

/// Lets the memory of large messages go back to the system. glibc would come to keep what the first of them took, once for
/// each thread (`M_MMAP_THRESHOLD` in mallopt(3): it grows with what is freed, until it is set): 264 MB instead of 176 with
/// messages of 16 MB (I7). To be called while there is one thread.
pub fn give_large_blocks_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it changes the allocator's own numbers, and no other thread is there yet. Where it fails all stays as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, FROM_THE_SYSTEM_BYTES);
    }
}
