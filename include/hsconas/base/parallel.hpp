#pragma once

#include <cstddef>
#include <functional>

namespace hsconas {

/// Runs `work(thread, part)` for every part of [0, parts) on at most `threads` threads, numbered
/// from 0, which is the calling one. The others belong to a pool that the whole process shares;
/// several threads may call this at the same time.
///
/// The program stays fast beside other busy processes: nobody waits for a thread of the pool that
/// the system has not yet scheduled; others run its parts. So results must not depend on which
/// thread runs a part. Each thread begins with the same share in every call, whose memory may still
/// be in its cache, and then takes parts from threads that are behind.
///
/// Threads of the pool take over the floating-point environment of the calling one, as flushing of
/// denormal numbers. Within a part, another call and OpenMP's regions run on that part's thread
/// alone. Once a part throws, no more parts begin; the exception is rethrown. A call costs about 1
/// us, and 50 us if the pool sleeps.
void in_parallel(int threads, std::size_t parts,
                 const std::function<void(std::size_t thread, std::size_t part)>& work);

/// Whether the calling thread runs a part of in_parallel().
bool runs_part();

}  // namespace hsconas
