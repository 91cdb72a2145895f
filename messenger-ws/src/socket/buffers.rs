//! Buffers that belong to a thread, so that an idle socket needs none.

use std::cell::Cell;

/// How much one read takes at most.
const SCRATCH_BYTES: usize = 16 * 1024;

/// Buffers that a thread keeps for sending, and how long each may be.
const POOLED_BUFFERS: usize = 8;
const POOLED_BUFFER_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static POOL: Cell<Vec<Vec<u8>>> = const { Cell::new(Vec::new()) };
}

/// Runs `read` with the thread's scratch buffer; what it leaves there is lost.
pub(super) fn with_scratch<R>(read: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut scratch = SCRATCH.take();
    if scratch.is_empty() {
        scratch = vec![0; SCRATCH_BYTES];
    }
    let result = read(&mut scratch);
    SCRATCH.set(scratch);
    result
}

/// Takes an empty buffer out of the pool.
pub(super) fn take() -> Vec<u8> {
    let mut pool = POOL.take();
    let buffer = pool.pop().unwrap_or_default();
    POOL.set(pool);
    buffer
}

/// Puts a buffer into the pool, or frees it if the pool is full or the buffer is large.
pub(super) fn give_back(mut buffer: Vec<u8>) {
    let mut pool = POOL.take();
    if buffer.capacity() > 0
        && buffer.capacity() <= POOLED_BUFFER_BYTES
        && pool.len() < POOLED_BUFFERS
    {
        buffer.clear();
        pool.push(buffer);
    }
    POOL.set(pool);
}
