#pragma once

#include <cstddef>
#include <functional>

namespace hsconas {

/// Runs `work(thread, part)` for every part of [0, parts) on `threads` threads, numbered from 0.
/// Each thread begins with the same share in every call, whose memory may still be in its cache,
/// and then takes parts from threads that are behind, as some always are on a shared machine. So
/// results must not depend on which thread runs a part. Within another parallel region all parts
/// run on the calling thread. Once a part throws, no more parts begin; the exception is rethrown.
void in_parallel(int threads, std::size_t parts,
                 const std::function<void(std::size_t thread, std::size_t part)>& work);

}  // namespace hsconas
