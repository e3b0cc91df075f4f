#pragma once

#include <cstddef>
#include <functional>

namespace hsconas {

/// Runs `work(thread, part)` for every part of [0, parts) on `threads` threads, numbered from 0.
/// Each begins with a share of its own, whose memory is in its cache from one call to the next, and
/// then takes over parts of threads that are behind: on a machine that others use some always are.
/// Which thread runs a part is chance, so results must not depend on it. Within a parallel region
/// all of it runs on the calling thread. Once a part has thrown no more are begun, and what it
/// threw is thrown again.
void in_parallel(int threads, std::size_t parts,
                 const std::function<void(std::size_t thread, std::size_t part)>& work);

}  // namespace hsconas
