// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/result.h"

namespace braid::batch {

/// Calls work(0) … work(threads - 1), each on a thread of its own; the caller's is one of them, and
/// with one thread nothing is started. Returns when all have, with the error of the lowest number;
/// no thread outlives the call, and none is borrowed from others, so it waits for nobody else.
Result<void> on_threads(size_t threads, const std::string& name,
                        const std::function<Result<void>(size_t)>& work);

/// Calls work(0) … work(count - 1), each once, by whichever of at most so many threads is free.
/// After an error nothing more is begun.
Result<void> for_each_on_threads(size_t threads, const std::string& name, size_t count,
                                 const std::function<Result<void>(size_t)>& work);

}  // namespace braid::batch
