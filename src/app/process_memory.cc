// SPDX-License-Identifier: Apache-2.0
#include "app/process_memory.h"

#include <cstdlib>
#include <malloc.h>
#include <thread>

namespace braid::app {

void share_one_allocator() {
    constexpr int kUnlessSet = 0;
    // More than a core or two can use at a time only keep what single threads once needed.
    constexpr int kArenasOfCore = 2;
    if (std::getenv("MALLOC_ARENA_MAX") == nullptr) {
        mallopt(M_ARENA_MAX, kArenasOfCore * static_cast<int>(std::thread::hardware_concurrency()));
    }
    // Documented by Arrow; it looks once, when its pool is first asked for.
    setenv("ARROW_DEFAULT_MEMORY_POOL", "system", kUnlessSet);
}

void give_memory_back() { malloc_trim(0); }

}  // namespace braid::app
