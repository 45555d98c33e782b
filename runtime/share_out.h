#pragma once

#include <cstddef>
#include <functional>

namespace sinter::runtime {

// What a thread does with the item of a number.
using Worker = std::function<void(size_t)>;

// Works on each of `count` items once, the first ones first, on up to `threads` threads, each of which makes
// a worker for itself. The calling thread is one of them; the others end with the call. Where workers throw,
// later items may be left out, and what the first of these items threw is rethrown when all threads have
// ended. For work that takes milliseconds an item; loops of a program have a ThreadPool.
void share_out(size_t count, int threads, const std::function<Worker()>& make_worker);

}  // namespace sinter::runtime
