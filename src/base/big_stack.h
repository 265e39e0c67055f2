// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace braid {

inline constexpr size_t kBigStackBytes = 64 * 1024 * 1024;

/// Runs `work` to its end on a thread whose stack is kBigStackBytes, and waits for it: for code
/// that recurses as deeply as its input wants. Threads are kept for the next call, up to a few; the
/// stack costs address space, not memory, until it is used. A call from within such a thread runs
/// in place. False, and nothing was run, when the system gives no further thread.
[[nodiscard]] bool run_on_big_stack(const std::function<void()>& work);

}  // namespace braid
