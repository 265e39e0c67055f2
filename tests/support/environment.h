// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace braid::testing {

/// A number that the environment gives under this name, as for the seeds of a simulation.
uint64_t number_of(const char* name, uint64_t otherwise);

}  // namespace braid::testing
